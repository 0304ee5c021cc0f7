// @hot
/** What the epoll driver knows of each socket: one row of words a handle. */
export const SOCK = Object.freeze({
  FLAGS: 0,
  /** The descriptor, -1 when the handle is free or closing. */
  FD: 1,
  /** Counts the owners of a handle, so that an event for an earlier one is known. */
  GENERATION: 2,
  /** Where the owner wants bytes, or POOLED. */
  RECEIVE_AT: 3,
  RECEIVE_BYTES: 4,
  SEND_AT: 5,
  SEND_LEFT: 6,
  SEND_BYTES: 7,
  /** Length of the address to connect to. */
  CONNECT_BYTES: 8,
  /** A splice lives in the row of the socket it reads. */
  SPLICE_TO: 9,
  SPLICE_PIPE: 10,
  /** Most bytes asked for; bytes that went into the pipe; those still in it. */
  SPLICE_LIMIT: 11,
  SPLICE_BYTES: 12,
  SPLICE_HELD: 13,
  /** The socket whose splice writes into this one. */
  SPLICE_FROM: 14,
  WORDS: 15,
});

export const POOLED = -1;

export const IS = Object.freeze({
  /** The kernel said so and no call has found the contrary since. */
  READABLE: 1,
  WRITABLE: 2,
  /** The peer finished, or the socket failed: it stays readable. */
  ENDING: 4,
  /** Requests under way. */
  RECEIVING: 8,
  SENDING: 16,
  SPLICING: 32,
  CONNECT_ASKED: 64,
  CONNECTING: 128,
  /** Another socket's splice writes into this one. */
  SPLICED_INTO: 256,
  /** close() was called, closed() not yet. */
  CLOSING: 512,
  /** The send under way is followed by more. */
  MORE: 1024,
  /** A short receive does not mean that a Unix socket is empty (descriptors part its bytes). */
  UNIX: 2048,
  /**
   * In the queue of work; of sockets that wait for a buffer; has one reserved. These outlive the
   * owner.
   */
  QUEUED: 4096,
  STARVED: 8192,
  FED: 16384,
});

const QUEUE_FLAGS = IS.QUEUED | IS.STARVED | IS.FED;

export class SocketTable {
  readonly cells: Int32Array;
  readonly limit: number;
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(limit: number) {
    this.limit = limit;
    this.cells = new Int32Array(limit * SOCK.WORDS);
    this.#free = new Int32Array(limit);
    this.#freeCount = limit;
    for (let i = 0; i < limit; i++) {
      this.#free[i] = limit - 1 - i;
      this.cells[i * SOCK.WORDS + SOCK.FD] = -1;
    }
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  /** A free handle, now with descriptor `fd`; only while there is one. */
  take(fd: number, flags: number): number {
    const socket = this.#free[--this.#freeCount]!;
    const at = socket * SOCK.WORDS;
    this.cells[at + SOCK.FD] = fd;
    this.cells[at + SOCK.FLAGS] = (this.cells[at + SOCK.FLAGS]! & QUEUE_FLAGS) | flags;
    this.cells[at + SOCK.GENERATION]!++;
    return socket;
  }

  /** The handle take() will return next. */
  peek(): number {
    return this.#free[this.#freeCount - 1]!;
  }

  /** Forgets every request: only that the socket is closing remains. */
  retire(socket: number): void {
    const at = socket * SOCK.WORDS;
    this.cells[at + SOCK.FD] = -1;
    this.cells[at + SOCK.FLAGS] = (this.cells[at + SOCK.FLAGS]! & QUEUE_FLAGS) | IS.CLOSING;
  }

  give(socket: number): void {
    this.cells[socket * SOCK.WORDS + SOCK.FLAGS]! &= QUEUE_FLAGS;
    this.#free[this.#freeCount++] = socket;
  }
}
