// @hot
import { duration } from "#schema/index.ts";
import { Draws } from "../draws.ts";
import { Eligible } from "../eligible.ts";
import { Latencies } from "../latencies.ts";
import { NONE, type Pool, type Scheduler, scheduler } from "../scheduler.ts";

/**
 * The cheaper of two servers drawn at random by weight, cost being the peak-sensitive moving
 * average of its latency × the requests it would then have for its weight. One request is counted
 * as if the weight were the average one: a heavier server is drawn more often already.
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
    return eligible.position[fullB || !this.#isCheaper(b, a, nowMs) ? a : b]!;
  }

  #isCheaper(a: number, b: number, nowMs: number): boolean {
    const eligible = this.#eligible;
    const latencies = this.#latencies;
    const averageWeight = eligible.totalWeight / eligible.count;
    const positionA = eligible.position[a]!;
    const positionB = eligible.position[b]!;
    latencies.estimate(positionA, nowMs);
    latencies.estimate(positionB, nowMs);
    const loadA = (this.#pool.load(positionA) * averageWeight) / eligible.weight[a]!;
    const loadB = (this.#pool.load(positionB) * averageWeight) / eligible.weight[b]!;
    const expected = latencies.expectedMs;
    return (loadA + 1) * expected[positionA]! < (loadB + 1) * expected[positionB]!;
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
