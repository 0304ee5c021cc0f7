import type { Address } from "#base/address.ts";
import type { CodeName } from "#base/errors.ts";
import type { Outcome, StopMode } from "./api.ts";

/**
 * What the supervisor and an engine process say to each other, over Node's IPC channel. Descriptors
 * go beside it, over a socket pair: those that belong to a message are sent before it, in its
 * order.
 */

/** A listening socket an engine wants. */
export interface ListenWish {
  /** Names the socket for as long as it is open: BindPlan.key, `admin`, `monitor …`. */
  readonly key: string;
  readonly address: Address;
  readonly backlog: number;
  readonly v6Only: boolean;
  /** Permissions of a Unix socket's file. */
  readonly mode: number | undefined;
  /** Sockets on the same TCP port among which the kernel spreads connections: one a worker. */
  readonly count: number;
}

export interface ListenFault {
  readonly key: string;
  /** EADDRINUSE, EACCES … */
  readonly code: string;
  readonly message: string;
}

/**
 * `first` may fail and end the supervisor; `recovery` follows a death; `upgrade` runs beside the
 * old one.
 */
export type EngineRole = "first" | "recovery" | "upgrade";

export interface EngineStart {
  readonly role: EngineRole;
  /** Begin with the files even after a death: going on from what was in force has failed. */
  readonly reread: boolean;
  /** Configuration files as given, absolute. */
  readonly configFiles: readonly string[];
  readonly adminSocket: string;
  /** Which half of the Board's worker rows this engine uses. */
  readonly half: 0 | 1;
  /** No other engine lives. Until it is so, slots given up may still be read by the other one. */
  readonly alone: boolean;
  /**
   * What the last engine that ran said with `state`; an engine of other code may not understand it.
   */
  readonly state: Uint8Array | undefined;
  readonly supervisorPid: number;
  /** Wall-clock milliseconds. */
  readonly supervisorStartedAt: number;
}

/** To stop. */
export interface DrainOrder {
  readonly mode: StopMode;
  /** Another engine goes on with the listeners and the health checks. */
  readonly replaced: boolean;
  /** Instead of engine.drain. */
  readonly drainMs?: number | undefined;
}

export type ToEngine =
  | { readonly type: "start"; readonly start: EngineStart }
  /** With one descriptor: the Board's memory. `fresh` when it was just made. */
  | { readonly type: "board"; readonly fresh: boolean }
  /** With a descriptor for each socket; none when there are faults. */
  | {
      readonly type: "listeners";
      readonly id: number;
      readonly keys: readonly string[];
      readonly faults: readonly ListenFault[];
    }
  | { readonly type: "reload" }
  | ({ readonly type: "drain" } & DrainOrder)
  /** No other engine reads the Board any more. */
  | { readonly type: "alone" }
  | { readonly type: "upgraded"; readonly outcome: Outcome };

export type FromEngine =
  /** Code is loaded; waiting for `start`. */
  | { readonly type: "loaded" }
  /** Board memory of this size; another `layout` than before gets new memory. */
  | { readonly type: "board"; readonly bytes: number; readonly layout: string }
  | { readonly type: "listen"; readonly id: number; readonly wishes: readonly ListenWish[] }
  /** Sockets of other keys may be closed. */
  | { readonly type: "keep"; readonly keys: readonly string[] }
  /** A Plan is in force: what the next engine needs to go on from it. */
  | { readonly type: "state"; readonly state: Uint8Array }
  /** Requests are served, commands answered. */
  | { readonly type: "serving"; readonly threads: number }
  /** Still alive: once a second. */
  | { readonly type: "beat" }
  /** For sd_notify. */
  | { readonly type: "reloading" }
  | { readonly type: "reloaded"; readonly text: string }
  /** Cannot go on; exits next. `text` is for people. */
  | { readonly type: "failed"; readonly code: CodeName; readonly text: string }
  /** Asked for over the admin API. */
  | { readonly type: "stop"; readonly mode: StopMode; readonly drainMs?: number | undefined }
  | { readonly type: "upgrade" };

/** Descriptor of an engine's end of the socket pair. */
export const ENGINE_FD_CHANNEL = 4;
