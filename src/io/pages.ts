// @hot
/**
 * Sizes of page, smallest first; the last is also the size of a block. The smallest is no power of
 * two: the starts of pages, which every request touches, then do not all compete for the same few
 * sets of the processor's cache.
 */
export const PAGE_SIZES = Object.freeze([4160, 16384, 131072]);

const BLOCK_BYTES = 131072;
const BLOCK_SHIFT = 17;
/** At least as many as a block has pages of the smallest size. */
const MOST_PAGES = 32;

const perBlock = (sizeClass: number): number => Math.floor(BLOCK_BYTES / PAGE_SIZES[sizeClass]!);

/**
 * Memory lent for requests and bodies: a slab of the arena in three sizes of page. It is cut into
 * blocks; a block is given to one size when that runs out, and comes back when all its pages have,
 * so a rush for one size does not starve another for ever after. What was lent last is lent first,
 * so memory never touched costs nothing. A page is named by its offset in the arena.
 *
 *   size 0: ─► block 7 ─► block 2      blocks with a free page, linked
 *   size 1: ─► block 4                 block 4: [free page, free page, lent …]
 *   unused: 9, 8, 5 …
 */
export class Pages {
  readonly #start: number;
  readonly #blocks: number;
  /** By block: how many pages are free, and which, as a stack of MOST_PAGES cells. */
  readonly #freeCount: Int32Array;
  readonly #free: Int32Array;
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  /** First block with a free page, by size. */
  readonly #partial: Int32Array;
  readonly #unused: Int32Array;
  #unusedCount: number;
  #used = 0;
  /** Allocations that found nothing. */
  refused = 0;

  /**
   * Lends [start, end) of the arena, both multiples of 4096; what does not fill a block is not
   * used.
   */
  constructor(start: number, end: number) {
    this.#start = start;
    this.#blocks = (end - start) >>> BLOCK_SHIFT;
    this.#freeCount = new Int32Array(this.#blocks);
    this.#free = new Int32Array(this.#blocks * MOST_PAGES);
    this.#next = new Int32Array(this.#blocks).fill(-1);
    this.#prev = new Int32Array(this.#blocks).fill(-1);
    this.#partial = new Int32Array(PAGE_SIZES.length).fill(-1);
    this.#unused = new Int32Array(this.#blocks);
    for (let i = 0; i < this.#blocks; i++) this.#unused[i] = this.#blocks - 1 - i;
    this.#unusedCount = this.#blocks;
  }

  /** Bytes lent now. */
  get usedBytes(): number {
    return this.#used;
  }

  /** Bytes that can be lent in any size: blocks of which nothing is lent. */
  get spareBytes(): number {
    return this.#unusedCount * BLOCK_BYTES;
  }

  get totalBytes(): number {
    return this.#blocks * BLOCK_BYTES;
  }

  /** A page of size class 0, 1 or 2 (PAGE_SIZES), or -1 when memory is at its limit. */
  take(sizeClass: number): number {
    let block = this.#partial[sizeClass]!;
    if (block < 0) {
      if (this.#unusedCount === 0) {
        this.refused++;
        return -1;
      }
      block = this.#unused[--this.#unusedCount]!;
      this.#cut(block, sizeClass);
    }
    const left = --this.#freeCount[block]!;
    const at = this.#free[block * MOST_PAGES + left]!;
    if (left === 0) this.#unlink(block, sizeClass);
    this.#used += PAGE_SIZES[sizeClass]!;
    return at;
  }

  /** Gives a page back. Twice is a programmer error that is not looked for here. */
  give(at: number, sizeClass: number): void {
    const block = (at - this.#start) >>> BLOCK_SHIFT;
    const free = this.#freeCount[block]!++;
    this.#free[block * MOST_PAGES + free] = at;
    this.#used -= PAGE_SIZES[sizeClass]!;
    if (free === 0) this.#link(block, sizeClass);
    if (free + 1 === perBlock(sizeClass)) {
      this.#unlink(block, sizeClass);
      this.#unused[this.#unusedCount++] = block;
    }
  }

  #cut(block: number, sizeClass: number): void {
    const bytes = PAGE_SIZES[sizeClass]!;
    const pages = perBlock(sizeClass);
    const start = this.#start + block * BLOCK_BYTES;
    for (let i = 0; i < pages; i++) {
      this.#free[block * MOST_PAGES + i] = start + (pages - 1 - i) * bytes;
    }
    this.#freeCount[block] = pages;
    this.#link(block, sizeClass);
  }

  #link(block: number, sizeClass: number): void {
    const first = this.#partial[sizeClass]!;
    this.#next[block] = first;
    this.#prev[block] = -1;
    if (first >= 0) this.#prev[first] = block;
    this.#partial[sizeClass] = block;
  }

  #unlink(block: number, sizeClass: number): void {
    const next = this.#next[block]!;
    const prev = this.#prev[block]!;
    if (prev >= 0) this.#next[prev] = next;
    else this.#partial[sizeClass] = next;
    if (next >= 0) this.#prev[next] = prev;
  }
}

/** The smallest size class that holds `bytes`, or -1 when none does. */
export function classFor(bytes: number): number {
  for (let c = 0; c < PAGE_SIZES.length; c++) if (bytes <= PAGE_SIZES[c]!) return c;
  return -1;
}
