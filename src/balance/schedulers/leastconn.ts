// @hot
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { Blind } from "../blind.ts";
import { Draws } from "../draws.ts";
import { Eligible } from "../eligible.ts";
import { FULL, NONE, type Pool, type Scheduler, scheduler } from "../scheduler.ts";

/** Servers compared in one pick; a pool of up to this many is compared whole. */
const WINDOW = 64;

/**
 * The server with fewest requests for its weight, the request to come included; idle servers come
 * before all others, whatever their weight. Equal ones take turns.
 *
 * Loads change under us, in every thread, so there is nothing to keep sorted: a pick looks. In a
 * pool of more than WINDOW servers it looks at WINDOW neighbours from a random start, which is
 * within a request or so of the true minimum (the gap of d choices is about ln ln n / ln d) at a
 * fixed price.
 */
class LeastConn extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #eligible: Eligible;
  readonly #draws: Draws;
  readonly #window: number;
  /** Index that is looked at first: the one after the last winner. */
  #next: number;

  constructor(pool: Pool, seed: number, window: number) {
    super();
    this.#pool = pool;
    this.#window = window;
    this.#eligible = new Eligible(pool);
    this.#draws = new Draws(this.#eligible, seed);
    this.#next = seed % Math.max(1, this.#eligible.count);
  }

  changed(): void {
    const eligible = this.#eligible;
    const next = eligible.position[this.#next]!;
    eligible.changed();
    this.#draws.changed();
    this.#next = eligible.indexFrom(next);
  }

  pick(): number {
    const pool = this.#pool;
    const eligible = this.#eligible;
    const count = eligible.count;
    if (count === 0) return NONE;
    let at = count > this.#window ? this.#draws.drawAny() : this.#next;
    let best = -1;
    let bestLoad = 0;
    let bestWeight = 1;
    for (let looked = 0; looked < count; looked++) {
      if (looked >= this.#window && best >= 0) break;
      const position = eligible.position[at]!;
      const load = pool.load(position);
      const weight = eligible.weight[at]!;
      const better = best < 0 || load === 0 || (load + 1) * bestWeight < bestLoad * weight;
      if (better && !pool.full(position)) {
        best = at;
        if (load === 0) break;
        bestLoad = load + 1;
        bestWeight = weight;
      }
      if (++at === count) at = 0;
    }
    if (best < 0) return FULL;
    this.#next = best + 1 === count ? 0 : best + 1;
    return eligible.position[best]!;
  }
}

/** Pools of up to `window` servers are compared whole: all of them where packets are concerned. */
export function createLeastConn(pool: Pool, seed: number, window: number): Scheduler {
  return new LeastConn(pool, seed, window);
}

export const leastconn = scheduler({
  name: "leastconn",
  summary: "the server with fewest requests in flight or waiting for its weight; equals in turn",
  options: {},
  weights: () => "live",
  create: (pool, _options, seed) => createLeastConn(pool, seed, WINDOW),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.LEASTCONN }),
});
