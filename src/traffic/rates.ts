import type { Clock } from "#base/clock.ts";

/** Seconds that a Series remembers. */
const MINUTE = 60;

/**
 * One number a second, such as requests a second or connections open: what it is now, its average
 * over the last minute, its peak and when that was, and an average in the manner of IPVS. Whoever
 * owns it calls `record` once a second; seconds that were missed take the value of the call after
 * them.
 */
export class Series {
  readonly #clock: Clock;
  /** The value of the n-th second at n % MINUTE. */
  readonly #seconds = new Float64Array(MINUTE);
  #count = 0;
  #recordedAtMs = Number.NaN;
  /** First value of a pair whose second is still to come. */
  #half = Number.NaN;

  /** Value of the last second. */
  current = 0;
  /**
   * From 0, it moves every 2 s a quarter of the way to the average of those 2 s, as IPVS estimates
   * its rates: steadier than `current`, quicker than `minute`.
   */
  smoothed = 0;
  /** Highest value since the start or the last `resetPeak`. */
  peak = 0;
  /** Wall clock at the peak in milliseconds; 0 = there was none. */
  peakAtMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  record(value: number): void {
    const nowMs = this.#clock.monotonicMs();
    const passed = Math.round((nowMs - this.#recordedAtMs) / 1000);
    this.#recordedAtMs = nowMs;
    for (let left = Math.min(passed, MINUTE) || 1; left > 0; left--) this.#second(value);
    this.current = value;
    if (value > this.peak) {
      this.peak = value;
      this.peakAtMs = this.#clock.wallMs();
    }
  }

  #second(value: number): void {
    this.#seconds[this.#count++ % MINUTE] = value;
    if (Number.isNaN(this.#half)) {
      this.#half = value;
      return;
    }
    this.smoothed += ((this.#half + value) / 2 - this.smoothed) / 4;
    this.#half = Number.NaN;
  }

  /** Values of the last minute, one a second, oldest first. Allocates. */
  history(): number[] {
    const length = Math.min(this.#count, MINUTE);
    const from = this.#count - length;
    return Array.from({ length }, (_, i) => this.#seconds[(from + i) % MINUTE]!);
  }

  /** Average of the last minute, or of as long as there have been values; 0 before the first. */
  get minute(): number {
    const values = this.history();
    return values.reduce((sum, value) => sum + value, 0) / (values.length || 1);
  }

  /** Forgets the peak: a new day. */
  resetPeak(): void {
    this.peak = this.current;
    this.peakAtMs = this.#clock.wallMs();
  }
}

/**
 * Events a second from a total that only grows: `sample` it once a second. A total that has shrunk
 * began again from nothing.
 */
export class Rate extends Series {
  readonly #now: Clock;
  #total = Number.NaN;
  #sampledAtMs = 0;

  constructor(clock: Clock) {
    super(clock);
    this.#now = clock;
  }

  sample(total: number): void {
    const nowMs = this.#now.monotonicMs();
    const elapsedMs = nowMs - this.#sampledAtMs;
    const before = this.#total;
    // Too soon after the last time to say anything about a second: the next call will.
    if (elapsedMs < 500 && !Number.isNaN(before)) return;
    this.#total = total;
    this.#sampledAtMs = nowMs;
    if (Number.isNaN(before)) return;
    this.record(((total >= before ? total - before : total) * 1000) / elapsedMs);
  }
}
