// @hot
import { WEIGHT_SCALE } from "#plan/board.ts";
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { createWalker, isOpen, nobody } from "../walk.ts";

/**
 * The heaviest of the servers that have no more active connections than their weight says. One that
 * has as many is given another still, so a server holds up to its weight and one: so IPVS does it.
 */
export function walkOvf(pool: Pool): number {
  let best = -1;
  for (let position = 0; position < pool.count; position++) {
    const weight = pool.weight[position]!;
    if (best >= 0 && weight <= pool.weight[best]!) continue;
    if (isOpen(pool, position) && pool.load(position) * WEIGHT_SCALE <= weight) best = position;
  }
  return best < 0 ? nobody(pool) : best;
}

export const ovf = scheduler({
  name: "ovf",
  summary:
    "LVS's weighted overflow: to the heaviest server until it has as many connections as its weight says, then to the next; when all have, new ones wait",
  options: {},
  weights: () => "capacity",
  create: (pool) => createWalker(pool, walkOvf),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.OVF }),
});
