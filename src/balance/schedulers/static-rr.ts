// @hot
import { Blind } from "../blind.ts";
import { Eligible } from "../eligible.ts";
import { NONE, type Pool, type Scheduler, scheduler } from "../scheduler.ts";
import { WeightMap } from "../weight-map.ts";

/**
 * Walks round a table in which every server stands as often as its weight says. A server that comes
 * back is in the table at once, and a change of weight counts only then.
 */
class StaticRoundRobin extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #eligible: Eligible;
  readonly #map = createMap();
  readonly #seed: number;
  #next = 0;

  constructor(pool: Pool, seed: number) {
    super();
    this.#pool = pool;
    this.#eligible = new Eligible(pool);
    this.#seed = seed;
    this.#build();
  }

  changed(): void {
    if (this.#eligible.changed()) this.#build();
  }

  #build(): void {
    const size = this.#map.size;
    this.#map.build(this.#eligible);
    const from = size === 0 ? this.#seed : this.#next;
    this.#next = from % Math.max(1, this.#map.size);
  }

  pick(): number {
    const map = this.#map;
    if (map.size === 0) return NONE;
    const count = this.#eligible.count;
    for (let looked = 0; looked < count; looked++) {
      const position = map.owner[this.#next]!;
      if (++this.#next === map.size) this.#next = 0;
      if (!this.#pool.full(position)) return position;
    }
    return this.#eligible.free(this.#next % count);
  }
}

function createMap(): WeightMap {
  return new WeightMap();
}

export const staticRoundRobin = scheduler({
  name: "static-rr",
  summary: "round robin over a fixed table: cheapest, without slow start",
  options: {},
  weights: () => "static",
  create: (pool, _options, seed) => new StaticRoundRobin(pool, seed),
});
