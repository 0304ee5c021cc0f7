// @hot
import { Blind } from "../blind.ts";
import { FULL, NONE, type Pool, type Scheduler, scheduler } from "../scheduler.ts";

/** The first eligible server with a free slot. */
class First extends Blind implements Scheduler {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    super();
    this.#pool = pool;
  }

  changed(): void {}

  pick(): number {
    const pool = this.#pool;
    let result = NONE;
    for (let position = 0; position < pool.count; position++) {
      if (pool.weight[position] === 0) continue;
      if (!pool.full(position)) return position;
      result = FULL;
    }
    return result;
  }
}

export const first = scheduler({
  name: "first",
  summary: "the first server with a free slot, so that the last ones can be switched off",
  options: {},
  weights: () => "ignored",
  create: (pool) => new First(pool),
});
