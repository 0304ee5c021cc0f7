// @hot
import { duration } from "#schema/index.ts";
import { Draws } from "../draws.ts";
import { Eligible } from "../eligible.ts";
import { Latencies } from "../latencies.ts";
import { NONE, type Pool, type Scheduler, scheduler } from "../scheduler.ts";

/**
 * The cheaper of two servers drawn at random by weight, cost being the peak-sensitive moving average of
 * its latency × the requests it would then have for its weight. One request is counted as if the
 * weight were the average one: a heavier server is drawn more often already.
 */
class PeakEwma implements Scheduler {
  readonly #pool: Pool;
  readonly #eligible: Eligible;
  readonly #draws: Draws;
  readonly #latencies: Latencies;

  constructor(pool: Pool, decayMs: number, seed: number) {
    this.#pool = pool;
    this.#eligible = new Eligible(pool);
    this.#draws = new Draws(this.#eligible, seed);
    this.#latencies = new Latencies(pool, decayMs);
  }

  changed(): void {
    this.#eligible.changed();
    this.#draws.changed();
    this.#latencies.changed();
  }

  pick(_key: number, nowMs: number): number {
    const pool = this.#pool;
    const eligible = this.#eligible;
    if (eligible.count === 0) return NONE;
    const a = this.#draws.draw();
    if (eligible.count === 1) return eligible.free(a);
    let b = this.#draws.draw();
    if (b === a) b = this.#draws.drawOther(a);
    const fullA = pool.full(eligible.position[a]!);
    const fullB = pool.full(eligible.position[b]!);
    if (fullA && fullB) return eligible.free(a);
    if (fullA) return eligible.position[b]!;
    if (fullB || this.#cost(a, nowMs) <= this.#cost(b, nowMs)) return eligible.position[a]!;
    return eligible.position[b]!;
  }

  #cost(index: number, nowMs: number): number {
    const eligible = this.#eligible;
    const position = eligible.position[index]!;
    const average = eligible.totalWeight / eligible.count;
    const requests = (this.#pool.load(position) * average) / eligible.weight[index]! + 1;
    return requests * this.#latencies.at(position, nowMs);
  }

  taken(): void {}

  dropped(position: number, responseMs: number, nowMs: number): void {
    this.#latencies.saw(position, responseMs, nowMs);
  }
}

export const ewma = scheduler({
  name: "ewma",
  summary: "the quicker of two servers drawn at random, by recent latency and load",
  options: {
    decay: duration({
      min: 100,
      max: 3_600_000,
      fallback: 10_000,
      help: "time in which the memory of a latency fades to a third",
    }),
  },
  weights: () => "live",
  create: (pool, options, seed) => new PeakEwma(pool, options.decay, seed),
});
