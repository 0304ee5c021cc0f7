// @hot
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { createWalker, isOpen } from "../walk.ts";
import { walkSed } from "./sed.ts";

/** The first server without an active connection; when there is none, as sed. */
export function walkNq(pool: Pool): number {
  for (let position = 0; position < pool.count; position++) {
    if (pool.load(position) === 0 && isOpen(pool, position)) return position;
  }
  return walkSed(pool);
}

export const nq = scheduler({
  name: "nq",
  summary: "LVS's never queue: an idle server when there is one, else as sed",
  options: {},
  weights: () => "live",
  create: (pool) => createWalker(pool, walkNq),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.NQ }),
});
