// @hot
/** Receive buffers of one size, lent last-in first-out: those never needed are never touched. */
export class BufferPool {
  readonly bytes: number;
  readonly #start: number;
  readonly #free: Int32Array;
  #freeCount: number;

  /** `start`: arena offset of count × bytes. */
  constructor(start: number, count: number, bytes: number) {
    this.bytes = bytes;
    this.#start = start;
    this.#free = new Int32Array(count);
    this.#freeCount = count;
    for (let i = 0; i < count; i++) this.#free[i] = count - 1 - i;
  }

  get freeCount(): number {
    return this.#freeCount;
  }

  /** A buffer; only while there is one. */
  take(): number {
    return this.#free[--this.#freeCount]!;
  }

  give(buffer: number): void {
    this.#free[this.#freeCount++] = buffer;
  }

  /** Arena offset of a buffer. */
  at(buffer: number): number {
    return this.#start + buffer * this.bytes;
  }
}
