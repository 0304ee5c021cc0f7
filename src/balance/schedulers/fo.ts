// @hot
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { createWalker, isOpen, nobody } from "../walk.ts";

/** The heaviest server that may take something new. */
export function walkFo(pool: Pool): number {
  let best = -1;
  for (let position = 0; position < pool.count; position++) {
    const isWorse = best >= 0 && pool.weight[position]! <= pool.weight[best]!;
    if (!isWorse && isOpen(pool, position)) best = position;
  }
  return best < 0 ? nobody(pool) : best;
}

export const fo = scheduler({
  name: "fo",
  summary:
    "LVS's weighted fail-over: all to the heaviest server, the next one when it is down or full",
  options: {},
  weights: () => "rank",
  create: (pool) => createWalker(pool, walkFo),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.FO }),
});
