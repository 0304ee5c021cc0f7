import type { Cancel, Timers } from "#base/clock.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly fn: () => void;
}

/**
 * Timers over virtual time: nothing happens until `advance`, and then everything that is due
 * happens in order, timers set by timers included. Equal times fire in the order they were set.
 */
export class SimClock implements Timers {
  #nowMs = 0;
  #order = 0;
  #timers = new Set<Timer>();
  #wallStartMs: number;

  constructor(wallStartMs = Date.UTC(2030, 0, 1)) {
    this.#wallStartMs = wallStartMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  wallMs(): number {
    return this.#wallStartMs + this.#nowMs;
  }

  /** Somebody sets the calendar forward, or back; no time passes. */
  stepWall(ms: number): void {
    this.#wallStartMs += ms;
  }

  after(delayMs: number, fn: () => void): Cancel {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, fn };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers set and not yet fired or cancelled. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `ms` pass. */
  advance(ms: number): void {
    const end = this.#nowMs + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.fn();
    }
    this.#nowMs = end;
  }

  /**
   * `ms` pass in which nothing runs, as when the event loop is held up; then all that is due does.
   */
  stall(ms: number): void {
    this.#nowMs += ms;
    for (let next = this.#next(this.#nowMs); next; next = this.#next(this.#nowMs)) {
      this.#timers.delete(next);
      next.fn();
    }
  }

  #next(endMs: number): Timer | undefined {
    let best: Timer | undefined;
    for (const timer of this.#timers) {
      if (timer.atMs > endMs) continue;
      if (
        !best ||
        timer.atMs < best.atMs ||
        (timer.atMs === best.atMs && timer.order < best.order)
      ) {
        best = timer;
      }
    }
    return best;
  }
}
