// @hot
import { int } from "#schema/index.ts";
import { Blind } from "../blind.ts";
import { Draws } from "../draws.ts";
import { Eligible } from "../eligible.ts";
import { NONE, type Pool, type Scheduler, scheduler } from "../scheduler.ts";

/**
 * The least loaded of a few servers drawn at random by weight; of equal ones that with the lower
 * request rate, and after that the first drawn. Load and rate count in proportion to the weight.
 */
class RandomDraws extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #draws: Draws;
  readonly #eligible: Eligible;
  readonly #times: number;

  constructor(pool: Pool, times: number, seed: number) {
    super();
    this.#pool = pool;
    this.#eligible = new Eligible(pool);
    this.#draws = new Draws(this.#eligible, seed);
    this.#times = times;
  }

  changed(): void {
    this.#eligible.changed();
    this.#draws.changed();
  }

  pick(): number {
    const pool = this.#pool;
    const eligible = this.#eligible;
    if (eligible.count === 0) return NONE;
    let drawn = 0;
    let best = -1;
    for (let i = 0; i < this.#times; i++) {
      drawn = this.#draws.draw();
      if (drawn === best && eligible.count > 1) drawn = this.#draws.drawOther(best);
      if (pool.full(eligible.position[drawn]!)) continue;
      if (best < 0 || this.#isBetter(drawn, best)) best = drawn;
    }
    return best < 0 ? eligible.free(drawn) : eligible.position[best]!;
  }

  #isBetter(a: number, b: number): boolean {
    const eligible = this.#eligible;
    const pool = this.#pool;
    const weightA = eligible.weight[a]!;
    const weightB = eligible.weight[b]!;
    const loadA = pool.load(eligible.position[a]!) * weightB;
    const loadB = pool.load(eligible.position[b]!) * weightA;
    if (loadA !== loadB) return loadA < loadB;
    return pool.rate(eligible.position[a]!) * weightB < pool.rate(eligible.position[b]!) * weightA;
  }
}

export const random = scheduler({
  name: "random",
  summary: "the less loaded of a few servers drawn at random by weight",
  options: {
    draws: int({ min: 1, max: 16, fallback: 2, help: "servers drawn for each request" }),
  },
  weights: () => "live",
  create: (pool, options, seed) => new RandomDraws(pool, options.draws, seed),
});
