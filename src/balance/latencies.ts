// @hot
import { createLatencyState, type LatencyState } from "./latency-state.ts";
import type { Pool } from "./scheduler.ts";

/** Latency that a failure counts as, at least: failing fast must not look like answering fast. */
const FAILURE_MS = 1000;
/** No server is taken for quicker than this, so that load always counts. */
const QUICKEST_MS = 0.1;
/** Part of each sample in the pool's own average. */
const POOL_SHARE = 1 / 16;

/**
 * Peak-sensitive exponentially weighted moving averages of the servers' latencies, as in Finagle's
 * PeakEwma: averages fade towards nothing, so that a server that was avoided is tried again; a
 * sample worse than what is left counts at once and in full, a better one pulls the rest down by
 * the time since the last one. A server never seen is taken for an average one.
 *
 * Results are left in arrays: a fraction returned by a function is boxed on the heap whenever the
 * compiler does not inline it.
 */
export class Latencies {
  readonly #decayMs: number;
  readonly #state: LatencyState;

  constructor(pool: Pool, decayMs: number) {
    this.#decayMs = decayMs;
    this.#state = createLatencyState(pool);
  }

  changed(): void {
    this.#state.rebuild();
  }

  /**
   * Milliseconds that an answer is expected to take, by position, each as of its last `estimate`.
   */
  get expectedMs(): Float64Array {
    return this.#state.expectedMs;
  }

  /** Brings expectedMs[position] up to now. */
  estimate(position: number, nowMs: number): void {
    const state = this.#state;
    const average = state.averageMs[position]!;
    const age = (nowMs - state.seenAtMs[position]!) | 0;
    let expected = average;
    if (average < 0) expected = state.pool[0]!;
    else if (age > 0) expected = average * Math.exp(-age / this.#decayMs);
    state.expectedMs[position] = Math.max(expected, QUICKEST_MS);
  }

  /** An answer took `responseMs`; -1 = there was none. */
  saw(position: number, responseMs: number, nowMs: number): void {
    const state = this.#state;
    if (position >= state.averageMs.length) return;
    const age = (nowMs - state.seenAtMs[position]!) | 0;
    const kept = age > 0 ? Math.exp(-age / this.#decayMs) : 1;
    const faded = state.averageMs[position]! * kept;
    const sample = responseMs >= 0 ? responseMs : Math.max(faded, FAILURE_MS);
    state.averageMs[position] = sample > faded ? sample : sample + (faded - sample) * kept;
    state.seenAtMs[position] = nowMs;
    state.pool[0]! += (sample - state.pool[0]!) * POOL_SHARE;
  }
}
