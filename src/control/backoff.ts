import type { Clock } from "#base/clock.ts";

const FIRST_MS = 100;
const LONGEST_MS = 2000;
/** Whoever lived this long has recovered: the next death counts as the first. */
const RECOVERED_MS = 10_000;

/**
 * How long to wait before something that died is started again: not at all the first time, then 100
 * ms, doubling up to 2 s while it keeps dying young.
 */
export class Backoff {
  readonly #clock: Clock;
  #deaths = 0;
  #bornAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It was started. */
  born(): void {
    this.#bornAt = this.#clock.monotonicMs();
  }

  /** It died: milliseconds to wait before the next start. */
  died(): number {
    if (this.#clock.monotonicMs() - this.#bornAt >= RECOVERED_MS) this.#deaths = 0;
    const delay = this.#deaths === 0 ? 0 : Math.min(FIRST_MS * 2 ** (this.#deaths - 1), LONGEST_MS);
    this.#deaths++;
    return delay;
  }
}
