// @hot
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { createWalker, walkLeast } from "../walk.ts";

const expected = (pool: Pool, position: number): number => pool.load(position) + 1;

/**
 * The server on which the connection to come would wait shortest: least (active + 1) / weight.
 * Connections that are not active do not count.
 */
export function walkSed(pool: Pool): number {
  return walkLeast(pool, expected);
}

export const sed = scheduler({
  name: "sed",
  summary: "LVS's shortest expected delay: as wlc, the connection to come included",
  options: {},
  weights: () => "live",
  create: (pool) => createWalker(pool, walkSed),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.SED }),
});
