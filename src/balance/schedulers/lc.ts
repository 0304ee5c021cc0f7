// @hot
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { createWalker, isOpen, nobody, overhead } from "../walk.ts";

/** The server with least overhead, whatever its weight. */
export function walkLc(pool: Pool): number {
  let best = -1;
  let least = 0;
  for (let position = 0; position < pool.count; position++) {
    const load = overhead(pool, position);
    if ((best >= 0 && load >= least) || !isOpen(pool, position)) continue;
    best = position;
    least = load;
  }
  return best < 0 ? nobody(pool) : best;
}

export const lc = scheduler({
  name: "lc",
  summary: "LVS's least-connection: the server with fewest connections, whatever its weight",
  options: {},
  weights: () => "ignored",
  create: (pool) => createWalker(pool, walkLc),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.LC }),
});
