/**
 * Time is handed in, never fetched: only `io/` reads a clock, so every machine can be run under a
 * seed.
 */
export interface Clock {
  /** Milliseconds on a clock that only goes forward; origin unspecified; fractions allowed. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC. */
  wallMs(): number;
}

/** Cancels a timer; calling it twice, or after it fired, does nothing. */
export type Cancel = () => void;

export interface Timers extends Clock {
  /** Runs `fn` once, `delayMs` from now. */
  after(delayMs: number, fn: () => void): Cancel;
}

/** A 32-bit xorshift generator: small state, good enough to spread load, never for secrets. */
export interface Random {
  /** Uniform integer in [0, 2^32). */
  next(): number;
}

export function createRandom(seed: number): Random {
  // Kept as an int32: anything larger would be boxed anew at every call.
  let state = seed | 0 || 0x9e3779b9 | 0;
  return {
    next() {
      state ^= state << 13;
      state ^= state >>> 17;
      state ^= state << 5;
      return state >>> 0;
    },
  };
}
