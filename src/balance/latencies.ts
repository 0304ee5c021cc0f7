// @hot
import { createLatencyState } from "./latency-state.ts";
import type { Pool } from "./scheduler.ts";

/** Latency that a failure counts as, at least: failing fast must not look like answering fast. */
const FAILURE_MS = 1000;
/** No server is taken for quicker than this, so that load always counts. */
const QUICKEST_MS = 0.1;
/** Part of each sample in the pool's own average. */
const POOL_SHARE = 1 / 16;

/**
 * Peak-sensitive exponentially weighted moving averages of the servers' latencies, as in Finagle's
 * PeakEwma: a worse sample counts at once and in full, better ones pull the average down by the time
 * since the last one. With no samples the average fades towards nothing, so that a server that was
 * avoided is tried again. A server never seen is taken for an average one.
 */
export class Latencies {
  readonly #decayMs: number;
  readonly #state: ReturnType<typeof createLatencyState>;
  /** Average over all samples. */
  #poolMs = 1;

  constructor(pool: Pool, decayMs: number) {
    this.#decayMs = decayMs;
    this.#state = createLatencyState(pool);
  }

  changed(): void {
    this.#state.rebuild();
  }

  /** Milliseconds that an answer of the server is expected to take. */
  at(position: number, nowMs: number): number {
    const average = this.#state.averageMs[position]!;
    return Math.max(
      QUICKEST_MS,
      average < 0 ? this.#poolMs : average * this.#kept(position, nowMs),
    );
  }

  /** An answer took `responseMs`; -1 = there was none. */
  saw(position: number, responseMs: number, nowMs: number): void {
    const state = this.#state;
    if (position >= state.averageMs.length) return;
    const before = state.averageMs[position]!;
    const sample = responseMs >= 0 ? responseMs : Math.max(before, FAILURE_MS);
    state.averageMs[position] =
      sample > before ? sample : sample + (before - sample) * this.#kept(position, nowMs);
    state.seenAtMs[position] = nowMs;
    this.#poolMs += (sample - this.#poolMs) * POOL_SHARE;
  }

  /** What time has left of the server's average: 1 just after a sample, then down to 0. */
  #kept(position: number, nowMs: number): number {
    const age = nowMs - this.#state.seenAtMs[position]!;
    return age > 0 ? Math.exp(-age / this.#decayMs) : 1;
  }
}
