// @hot
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { createWalker, overhead, walkLeast } from "../walk.ts";

/** The server with least overhead for its weight; compared without division. */
export function walkWlc(pool: Pool): number {
  return walkLeast(pool, overhead);
}

export const wlc = scheduler({
  name: "wlc",
  summary:
    "LVS's weighted least-connection: fewest connections for the weight, of equals the first",
  options: {},
  weights: () => "live",
  create: (pool) => createWalker(pool, walkWlc),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.WLC }),
});
