// @hot
import type { Kernel } from "./epoll-kernel.ts";

/** Big pipes move more at once; the kernel refuses what the user may not have (pipe(7)). */
const SIZES = Object.freeze([1 << 20, 1 << 18, 1 << 16]);

/** Pipes that splice() moves bytes through, made when first needed and kept. */
export class Pipes {
  readonly #kernel: Kernel;
  readonly #words: Int32Array;
  readonly #scratch: number;
  readonly #readers: Int32Array;
  readonly #writers: Int32Array;
  readonly #bytes: Int32Array;
  readonly #free: Int32Array;
  #freeCount: number;

  /** `scratch`: arena offset of 8 bytes. */
  constructor(kernel: Kernel, memory: ArrayBuffer, scratch: number, limit: number) {
    this.#kernel = kernel;
    this.#words = new Int32Array(memory);
    this.#scratch = scratch;
    this.#readers = new Int32Array(limit).fill(-1);
    this.#writers = new Int32Array(limit).fill(-1);
    this.#bytes = new Int32Array(limit);
    this.#free = new Int32Array(limit);
    this.#freeCount = limit;
    for (let i = 0; i < limit; i++) this.#free[i] = limit - 1 - i;
  }

  /** An empty pipe, or -1 when there is none to be had. */
  take(): number {
    if (this.#freeCount === 0) return -1;
    const pipe = this.#free[this.#freeCount - 1]!;
    if (this.#readers[pipe]! < 0 && !this.#open(pipe)) return -1;
    this.#freeCount--;
    return pipe;
  }

  /** Gives an empty pipe back. */
  give(pipe: number): void {
    this.#free[this.#freeCount++] = pipe;
  }

  /** Gives a pipe back that may hold bytes: they are dropped with it. */
  discard(pipe: number): void {
    this.#close(pipe);
    this.give(pipe);
  }

  reader(pipe: number): number {
    return this.#readers[pipe]!;
  }

  writer(pipe: number): number {
    return this.#writers[pipe]!;
  }

  /** Most bytes that fit. */
  bytes(pipe: number): number {
    return this.#bytes[pipe]!;
  }

  closeAll(): void {
    for (let i = 0; i < this.#readers.length; i++) if (this.#readers[i]! >= 0) this.#close(i);
  }

  #open(pipe: number): boolean {
    if (this.#kernel.pipe(this.#scratch) < 0) return false;
    const reader = this.#words[this.#scratch >> 2]!;
    this.#readers[pipe] = reader;
    this.#writers[pipe] = this.#words[(this.#scratch >> 2) + 1]!;
    for (let i = 0; i < SIZES.length; i++) {
      const got = this.#kernel.sizePipe(reader, SIZES[i]!);
      this.#bytes[pipe] = got > 0 ? got : 4096;
      if (got > 0) break;
    }
    return true;
  }

  #close(pipe: number): void {
    this.#kernel.close(this.#readers[pipe]!);
    this.#kernel.close(this.#writers[pipe]!);
    this.#readers[pipe] = -1;
    this.#writers[pipe] = -1;
  }
}
