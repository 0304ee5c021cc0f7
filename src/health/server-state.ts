import type { BackendPlan, ServerPlan } from "#plan/plan.ts";
import type { Facts, Outcome } from "./evaluate.ts";
import type { Reason } from "./events.ts";

/** Why something changed; goes into the event. */
export interface Cause {
  readonly reason: Reason;
  /** In words, without a full stop. */
  readonly detail: string;
}

/** One server as health knows it. Everybody reads; only states.ts and what it calls write. */
export interface ServerState {
  /** `backend/server`. */
  readonly key: string;
  plan: ServerPlan;
  backend: BackendState;
  facts: Facts;
  outcome: Outcome;
  /** Why it is as it is. */
  cause: Cause;
  /** SERVER.ADDRESS_SEQ when schedulers were last told; -1 before. */
  addressSeq: number;
  /** Monotonic: when HEALTH and when ADMIN last changed. */
  healthSinceMs: number;
  adminSinceMs: number;
}

export interface BackendState {
  plan: BackendPlan;
  servers: readonly ServerState[];
  /** Servers that take new requests; -1 before the first evaluation. */
  usable: number;
  /** Servers that could, idle backups included. */
  fit: number;
  /** Monotonic: when it last gained its first, or lost its last, usable server. */
  sinceMs: number;
}
