// @hot
/**
 * Memory lent for requests and bodies: a slab of the arena in three sizes of page. Freed pages are
 * lent again last-in first-out, so memory never touched costs nothing and the resident size follows
 * the busiest moment. A page is named by its offset in the arena.
 */
export const PAGE_SIZES = Object.freeze([4096, 16384, 131072]);

export class Pages {
  readonly #start: number;
  readonly #end: number;
  #next: number;
  /** Stacks of free pages, one a size. */
  readonly #free: Int32Array[];
  readonly #count: Int32Array;
  #used = 0;
  /** Allocations that found nothing. */
  refused = 0;

  /** Lends [start, end) of the arena; both multiples of 4096. */
  constructor(start: number, end: number) {
    this.#start = start;
    this.#end = end;
    this.#next = start;
    this.#count = new Int32Array(PAGE_SIZES.length);
    this.#free = PAGE_SIZES.map((size) => new Int32Array(Math.ceil((end - start) / size)));
  }

  /** Bytes lent now. */
  get usedBytes(): number {
    return this.#used;
  }

  get totalBytes(): number {
    return this.#end - this.#start;
  }

  /** A page of size class 0, 1 or 2 (PAGE_SIZES), or -1 when memory is at its limit. */
  take(sizeClass: number): number {
    const bytes = PAGE_SIZES[sizeClass]!;
    const free = this.#count[sizeClass]!;
    if (free > 0) {
      this.#count[sizeClass] = free - 1;
      this.#used += bytes;
      return this.#free[sizeClass]![free - 1]!;
    }
    if (this.#next + bytes <= this.#end) {
      const at = this.#next;
      this.#next += bytes;
      this.#used += bytes;
      return at;
    }
    this.refused++;
    return -1;
  }

  /** Gives a page back. Twice is a programmer error that is not looked for here. */
  give(at: number, sizeClass: number): void {
    this.#used -= PAGE_SIZES[sizeClass]!;
    this.#free[sizeClass]![this.#count[sizeClass]!++] = at;
  }
}

/** The smallest size class that holds `bytes`, or -1 when none does. */
export function classFor(bytes: number): number {
  for (let c = 0; c < PAGE_SIZES.length; c++) if (bytes <= PAGE_SIZES[c]!) return c;
  return -1;
}
