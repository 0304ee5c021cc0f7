import { type Fields, fallbacks, type InferFields } from "#schema/index.ts";
import type { KeySpec } from "./key.ts";
import type { PacketSchedule } from "./packet-schedule.ts";

/**
 * What a scheduler sees of a backend: its servers by position, in configuration order. Positions
 * are stable between two calls of `changed`. The arrays may be other arrays after it, never before.
 */
export interface Pool {
  /** Servers, eligible or not; at most 65535. */
  readonly count: number;
  /**
   * Effective weight × WEIGHT_SCALE by position; 0 = not eligible (down, drained, a backup not
   * needed).
   */
  readonly weight: Int32Array;
  /** Stable identity by position (hash of the server's name): consistent hashing keys on it. */
  readonly identity: Int32Array;
  /** Requests in flight on a server now, over all threads, plus those queued for it. */
  load(position: number): number;
  /** Connections that are open but not at work (layer 4 only); absent: none. */
  inactive?(position: number): number;
  /** Sum of `load` over all servers (a backend-wide count will do): bounded load measures by it. */
  total(): number;
  /** True when the server is at its connection limit, or when this request is to avoid it. */
  full(position: number): boolean;
  /** Requests the server began in the last second or so (ties of `random`). */
  rate(position: number): number;
}

/**
 * A running scheduler of one backend in one thread. Nothing but `changed` may allocate; nothing
 * throws.
 */
export interface Scheduler {
  /**
   * Chooses a server that is eligible and not full.
   *
   * `key`: hash of what the scheduler's `key` names, in [0, 2³¹) (see key-hash.ts), or -1 when the
   * request has none: such requests are spread round robin. A pick with a key may return a server
   * that is full: the key belongs to that server, so the request waits in that server's queue. To
   * retry elsewhere, make `full` true for the server that failed and pick with -1. `nowMs`:
   * monotonic, whole, as an int32 that may wrap. (Numbers beyond int32 and fractions would be boxed
   * on the heap at every call.)
   *
   * Returns a position, or FULL when every eligible server is full, or NONE when none is eligible.
   */
  pick(key: number, nowMs: number): number;
  /** Weights, eligibility or the servers changed. */
  changed(): void;
  /** A request was given to the server. */
  taken(position: number, nowMs: number): void;
  /** It ended; `responseMs` is the time to its first byte, or -1 when it failed. */
  dropped(position: number, responseMs: number, nowMs: number): void;
}

export const FULL = -1;
export const NONE = -2;

/**
 * What a scheduler makes of weights. "live": shares that are followed at once, slow start included.
 * "static": shares in whole weights only, in a table built when a server comes or goes, so slow
 * start is not for it. "rank": the heaviest first. "capacity": heaviest first, and the weight is
 * also how many requests a server is given at once (one more is let in). "ignored".
 */
export type WeightUse = "live" | "static" | "rank" | "capacity" | "ignored";

/**
 * What a key's server depends on beside the key and the servers' names and weights. "order": how
 * the configuration lists the servers. "history": where the key went before, in this thread, and
 * what the loads were then.
 */
export type KeyBasis = "order" | "history";

export interface SchedulerType<F extends Fields = Fields> {
  readonly name: string;
  readonly summary: string;
  readonly options: F;
  weights(options: InferFields<NoInfer<F>>): WeightUse;
  /** What of a request it hashes; absent: it looks at no part of the request. */
  key?(options: InferFields<NoInfer<F>>): KeySpec;
  /** Absent: nothing else. */
  readonly keyBasis?: KeyBasis;
  /**
   * A scheduler that has seen the pool as it is now. `seed` differs from thread to thread (the
   * worker's index will do), so that threads do not begin with the same server; 0 begins with the
   * first. Which server a key belongs to never depends on it.
   */
  create(pool: Pool, options: InferFields<NoInfer<F>>, seed: number): Scheduler;
  /**
   * How the director does the same for packets, or a sentence why these options cannot be served
   * there; absent: for requests only.
   */
  packets?(options: InferFields<NoInfer<F>>): PacketSchedule | string;
}

/** Declares a scheduler: one file in schedulers/ and one line in its index. */
export function scheduler<F extends Fields>(type: SchedulerType<F>): SchedulerType<F> {
  return type;
}

/** A scheduler with its options at their defaults; for tests and `explain`. */
export function createDefault(type: SchedulerType, pool: Pool, seed = 0): Scheduler {
  return type.create(pool, fallbacks(type.options), seed);
}
