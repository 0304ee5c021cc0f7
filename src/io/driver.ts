import type { Pages } from "./pages.ts";
import type { Sink, Transport } from "./transport.ts";

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;

/**
 * Bytes kept for each socket's address: struct sockaddr_un is 110; a length word lies at the end.
 */
export const SOCKADDR_BYTES = 128;
/** Offset of that length word. */
export const SOCKADDR_LENGTH_AT = 124;

export interface DriverOptions {
  /** Sockets at once; a driver may lower it to what the system allows, see `Driver.sockets`. */
  readonly sockets: number;
  /** Drivers in this process, between which its descriptors are divided; 1 when left out. */
  readonly sharers?: number;
  /** Memory for pages. Buffers and rings come on top. */
  readonly pageBytes: number;
  /** Pooled receive buffers. */
  readonly buffers: number;
  readonly bufferBytes: number;
}

/** The event loop's floor: one for each worker thread. See transport.ts for the request rules. */
export interface Driver extends Transport {
  readonly name: "io_uring" | "epoll";
  /** Most sockets there can be at once. Handles are 0 … sockets-1. */
  readonly sockets: number;
  readonly bufferBytes: number;
  readonly pages: Pages;
  /**
   * Offset of the socket's peer address (struct sockaddr, SOCKADDR_BYTES kept): filled at accept,
   * and by the caller before connect.
   */
  peerAt(socket: number): number;
  /**
   * Begins accepting on a listening descriptor, which stays the caller's. `listener` is the
   * caller's name for it, 0 … 1023.
   */
  listen(listener: number, fd: number): void;
  /**
   * Stops accepting. No `accepted` for it comes afterwards, but for connections already taken. The
   * descriptor may be closed at once: nothing here holds the socket open.
   */
  unlisten(listener: number): void;
  /**
   * As unlisten, where others accept on the socket as well, another process perhaps. The kernel
   * wakes one of those that wait for a connection; what it woke us for, and nobody else, is taken
   * now, and `accepted` tells of it in the next turn.
   */
  leave(listener: number): void;
  /** A new stream socket: a handle, or -EMFILE, -ENOBUFS … */
  open(family: number): number;
  /**
   * Connects to the address stored at peerAt(socket), `bytes` long; then
   * `connected(socket, 0 | -errno)`.
   */
  connect(socket: number, bytes: number): void;
  /**
   * One turn: hands what was asked to the kernel, waits at most `waitMs` (0 = do not, -1 = for
   * ever) for something to happen, and calls the sink. Returns the number of completions, or -errno
   * when the ring itself is broken.
   */
  turn(sink: Sink, waitMs: number): number;
  /** Descriptor that makes a waiting turn return when 8 bytes are written to it (eventfd). */
  readonly wakeFd: number;
  /** Descriptors of the process that live as long as the driver; sockets are not among them. */
  readonly descriptors: readonly number[];
  /** System calls made so far. */
  readonly systemCalls: number;
  /** Receives that found no pooled buffer and had to wait. */
  readonly starved: number;
  /** Closes everything, mapped memory included. The driver is unusable afterwards. */
  destroy(): void;
}
