import { type Fields, fallbacks, type InferFields } from "#schema/index.ts";

/**
 * What a scheduler sees of a backend: its servers by position, in configuration order. Positions are
 * stable between two calls of `changed`. `Int32Array`s are refreshed by the owner before `changed`.
 */
export interface Pool {
  /** Servers, eligible or not. */
  readonly count: number;
  /** Effective weight × WEIGHT_SCALE by position; 0 = not eligible (down, drained, a backup not needed). */
  readonly weight: Int32Array;
  /** Stable identity by position (hash of the server's name): consistent hashing keys on it. */
  readonly identity: Int32Array;
  /** Requests in flight on a server now, over all threads, plus those queued for it. */
  load(position: number): number;
  /** True when the server is at its connection limit. */
  full(position: number): boolean;
  /** Requests the server began in the last second or so (ties of `random`). */
  rate(position: number): number;
}

/** A running scheduler of one backend in one thread. Nothing here may allocate or throw. */
export interface Scheduler {
  /**
   * Chooses a server that is eligible and not full.
   * `key`: 32-bit hash of what the scheduler's `key` names, or -1 when the request has none.
   * `nowMs`: monotonic.
   * Returns a position, or -1 when every eligible server is full, or -2 when none is eligible.
   */
  pick(key: number, nowMs: number): number;
  /** Weights, eligibility or the number of servers changed. May allocate. */
  changed(): void;
  /** A request was given to the server. */
  taken(position: number, nowMs: number): void;
  /** It ended; `responseMs` is the time to its first byte, or -1 when it failed. */
  dropped(position: number, responseMs: number, nowMs: number): void;
}

export const FULL = -1;
export const NONE = -2;

/** What of a request the scheduler hashes. `header`/`query` name theirs in the options. */
export type KeyKind = "none" | "source" | "uri" | "header" | "query";

export interface SchedulerType<F extends Fields = Fields> {
  readonly name: string;
  readonly summary: string;
  readonly options: F;
  readonly key: KeyKind;
  /** True: weights may change at run time (slow start is honoured). */
  readonly dynamic: boolean;
  create(pool: Pool, options: InferFields<F>, seed: number): Scheduler;
}

/** Declares a scheduler: one file in schedulers/ and one line in its index. */
export function scheduler<F extends Fields>(type: SchedulerType<F>): SchedulerType<F> {
  return type;
}

/** A scheduler with its options at their defaults; for tests and `explain`. */
export function createDefault(type: SchedulerType, pool: Pool, seed = 1): Scheduler {
  return type.create(pool, fallbacks(type.options), seed);
}
