/**
 * What carries bytes for a connection: completion style, integer handles, memory at offsets of one
 * arena. A driver is the lowest transport; a stage such as TLS is a transport over another and a
 * Sink towards it, so a codec above never knows how many stages lie below.
 *
 * For each socket at most one receive and one send are under way. Every request ends in exactly one
 * callback of the Sink, never from inside the call that made it. A result is ≥ 0 on success, or a
 * negative errno.
 */
export interface Transport {
  /** The arena: every `at` is an offset into it. Owned by the driver. */
  readonly memory: Uint8Array;

  /**
   * Asks for the next bytes in a buffer borrowed from the pool: `received(socket, n, at, buffer)`.
   * While nothing comes, no memory is held. Bytes that arrive unasked wait in the kernel.
   */
  receive(socket: number): void;
  /** Asks for up to `bytes` bytes at `at`, the caller's memory until `received(…, at, -1)`. */
  receiveInto(socket: number, at: number, bytes: number): void;
  /** Gives a buffer back. The owner of a received buffer must, once. */
  release(buffer: number): void;
  /**
   * Sends all of it, or fails: `sent(socket, bytes | -errno)`. `more` hints that more follows at
   * once.
   */
  send(socket: number, at: number, bytes: number, more: boolean): void;
  /** Half-close: nothing more will be sent. Allowed once, when no send is under way. */
  finish(socket: number): void;
  /**
   * Ends the socket: requests under way are cancelled without callbacks, then `closed(socket)`
   * comes, after which memory handed to requests is the caller's again and the handle may be
   * reused. `reset` aborts (RST) instead of an orderly close.
   */
  close(socket: number, reset: boolean): void;
  /**
   * Moves up to `bytes` bytes from one socket to another inside the kernel: `spliced(from, n)`, 0
   * at end of file, a negative errno when either side failed or `to` was closed. No receive on
   * `from` and no send on `to` may be under way. False where it cannot be done (a stage in between,
   * no pipe left); then nothing was begun.
   */
  splice(from: number, to: number, bytes: number): boolean;
  /**
   * Of the splice under way from this socket: bytes that have reached the other one, or -1 while it
   * waits for some to come.
   */
  splicedSoFar(from: number): number;
}

/** Receives completions. Methods are called from `Driver.turn` only and must not throw. */
export interface Sink {
  /**
   * A connection came in on a listener: `socket` ≥ 0, or a negative errno (the listener stays
   * armed, or is paused by the driver for a moment on EMFILE/ENFILE/ENOMEM).
   */
  accepted(listener: number, socket: number): void;
  connected(socket: number, result: number): void;
  /** `result` bytes at `at`; 0 = end of file; < 0 = -errno. `buffer` ≥ 0 must be released. */
  received(socket: number, result: number, at: number, buffer: number): void;
  sent(socket: number, result: number): void;
  spliced(from: number, result: number): void;
  closed(socket: number): void;
  /** Somebody called wake(). */
  woken(): void;
}
