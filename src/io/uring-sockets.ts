// @hot
/**
 * What the io_uring driver knows of each socket, and which handles are free. A handle is also the
 * socket's place in the ring's table of direct descriptors, so it is no descriptor of the process.
 */
export const SOCK = Object.freeze({
  FLAGS: 0,
  /** Requests the kernel has not completed. */
  PENDING: 1,
  /**
   * Chain of buffers that came unasked: first, last, how many, bytes of the first already taken.
   */
  HELD_FIRST: 2,
  HELD_LAST: 3,
  HELD: 4,
  HELD_SKIP: 5,
  /** How receiving ended, when ENDED is set: 0 end of file, else -errno. */
  END: 6,
  INTO_AT: 7,
  INTO_BYTES: 8,
  FAMILY: 9,
  /**
   * A splice from this socket: where to, through which pipe, most bytes, bytes taken, still in it.
   */
  SPLICE_TO: 10,
  SPLICE_PIPE: 11,
  SPLICE_LIMIT: 12,
  SPLICE_BYTES: 13,
  SPLICE_HELD: 14,
  SPLICE_RESULT: 15,
  /** A splice into this socket: where from. */
  SPLICE_FROM: 16,
  /** Descriptor of this process installed for splice(2), or -1; why there is none. */
  FD: 17,
  FD_ERROR: 18,
  /** The send under way: where its rest begins, how long that is, and how much was asked for. */
  SEND_AT: 19,
  SEND_LEFT: 20,
  SEND_BYTES: 21,
  SEND_FLAGS: 22,
  /** SO_RCVLOWAT as far as we set it; 0 = as the kernel made it. */
  LOW_WATER: 23,
  WORDS: 24,
});

export const IS = Object.freeze({
  USED: 1,
  /** The owner asked for bytes. */
  WANTED: 2,
  /** A pooled receive is with the kernel. */
  ARMED: 4,
  /** Receives are multishot: one request serves many arrivals. */
  MULTI: 8,
  /** The pooled receive is being cancelled. */
  CANCELLING: 16,
  /** The owner asked for bytes into its own memory. */
  INTO: 32,
  INTO_ARMED: 64,
  CLOSING: 128,
  ENDED: 256,
  RESET: 512,
  STARVED: 1024,
  /** In the queue of sockets with something to deliver. */
  QUEUED: 2048,
  CLOSE_SENT: 4096,
  SPLICING: 8192,
  SPLICED_INTO: 16384,
  SPLICE_QUEUED: 32768,
  INSTALLING: 65536,
  /** The last bytes came in a pooled buffer. */
  POOLED_LAST: 131072,
  /** A client's, not ours. */
  ACCEPTED: 262144,
});

export class SocketTable {
  readonly cells: Int32Array;
  readonly limit: number;
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(limit: number) {
    this.limit = limit;
    this.cells = new Int32Array(limit * SOCK.WORDS);
    this.#free = new Int32Array(limit);
    for (let i = 0; i < limit; i++) this.#free[i] = limit - 1 - i;
    this.#freeCount = limit;
    for (let i = 0; i < limit; i++) this.cells[i * SOCK.WORDS + SOCK.FD] = -1;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  /** A fresh handle, or -1. */
  take(): number {
    if (this.#freeCount === 0) return -1;
    const s = this.#free[--this.#freeCount]!;
    const at = s * SOCK.WORDS;
    this.cells.fill(0, at, at + SOCK.WORDS);
    this.cells[at + SOCK.FLAGS] = IS.USED;
    this.cells[at + SOCK.HELD_FIRST] = -1;
    this.cells[at + SOCK.FD] = -1;
    return s;
  }

  give(s: number): void {
    this.cells[s * SOCK.WORDS + SOCK.FLAGS] = 0;
    this.#free[this.#freeCount++] = s;
  }
}
