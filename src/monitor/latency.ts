import { HISTOGRAM } from "#plan/board.ts";
import { merge, quantile } from "#traffic/histogram.ts";

const BUCKETS = HISTOGRAM.BUCKETS;
/**
 * The last minute is kept as slices of SLICE_SECONDS: exact to a slice, at a sixth of the memory.
 */
const SLICES = 6;
const SLICE_SECONDS = 10;

/**
 * Times that so many per cent of the requests did not pass, in milliseconds; null = no requests.
 */
export interface Quantiles {
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly p99Ms: number | null;
}

function quantilesOf(row: Float64Array): Quantiles {
  const at = (q: number): number | null => {
    const us = quantile(row, 0, q);
    return Number.isNaN(us) ? null : us / 1000;
  };
  return { p50Ms: at(0.5), p95Ms: at(0.95), p99Ms: at(0.99) };
}

/**
 * Latency of the last second and of the last minute. Give it what each second brought, once a
 * second.
 */
export class LatencyWindow {
  readonly #before = new Float64Array(BUCKETS);
  readonly #minute = new Float64Array(BUCKETS);
  readonly #slices = Array.from({ length: SLICES }, () => new Float64Array(BUCKETS));
  #seconds = 0;
  #primed = false;

  /** Histogram of the last second. */
  readonly last = new Float64Array(BUCKETS);

  /** From a histogram that only grows: what it has more than the last time. */
  sample(total: Float64Array): void {
    const delta = new Float64Array(total);
    merge(delta, 0, this.#before, 0, -1);
    this.#before.set(total);
    // One that shrank began anew: this second is lost, the next will be right.
    if (!this.#primed || delta.some((count) => count < 0)) delta.fill(0);
    this.#primed = true;
    this.push(delta);
  }

  /** A histogram of one second. */
  push(second: Float64Array): void {
    this.last.set(second);
    const slice = this.#slices[Math.floor(this.#seconds / SLICE_SECONDS) % SLICES]!;
    if (this.#seconds % SLICE_SECONDS === 0) {
      merge(this.#minute, 0, slice, 0, -1);
      slice.fill(0);
    }
    this.#seconds++;
    merge(slice, 0, second, 0);
    merge(this.#minute, 0, second, 0);
  }

  second(): Quantiles {
    return quantilesOf(this.last);
  }

  /** Of the last 50 to 60 seconds. */
  minute(): Quantiles {
    return quantilesOf(this.#minute);
  }
}
