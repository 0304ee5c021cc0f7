// @hot
import { assert } from "#base/assert.ts";
import { FOLDED } from "./tokens.ts";

const SLOTS = 256;

/**
 * Finds a field name among a few known ones: one perfect hash over length and three bytes, then one
 * comparison. The hash's multiplier is searched for when the table is made.
 */
export class NameTable {
  /** Id by hash; 0 = no name has it. */
  readonly #slots = new Uint8Array(SLOTS);
  /** Name `id` is #text[#starts[id], #starts[id + 1]). */
  readonly #starts: Uint16Array;
  readonly #text: Uint8Array;
  #multiplier = 0x9e3779b1;

  /** Lower-case names of two bytes and more; the index is the id, and index 0 stands for "none". */
  constructor(names: readonly string[]) {
    this.#starts = new Uint16Array(names.length + 1);
    for (let id = 1; id < names.length; id++) {
      assert(names[id]!.length >= 2, "a known field name has two bytes at least");
      this.#starts[id + 1] = this.#starts[id]! + names[id]!.length;
    }
    this.#text = new Uint8Array(this.#starts[names.length]!);
    const all = names.join("");
    for (let i = 0; i < all.length; i++) this.#text[i] = all.charCodeAt(i);
    let tries = 0;
    while (!this.#place(names.length)) {
      assert(++tries < 100_000, "two known field names differ in no byte the hash looks at");
      this.#multiplier = (Math.imul(this.#multiplier, 0x01000193) ^ 0x5bd1e995) | 1;
    }
  }

  /** Fills #slots; false when two names want the same one. */
  #place(count: number): boolean {
    this.#slots.fill(0);
    for (let id = 1; id < count; id++) {
      const slot = this.#hash(this.#text, this.#starts[id]!, this.#starts[id + 1]!);
      if (this.#slots[slot] !== 0) return false;
      this.#slots[slot] = id;
    }
    return true;
  }

  #hash(bytes: Uint8Array, from: number, to: number): number {
    const middle = FOLDED[bytes[(from + to) >> 1]!]!;
    const key = (FOLDED[bytes[from]!]! << 16) | (middle << 8) | FOLDED[bytes[to - 2]!]!;
    return Math.imul(key ^ ((to - from) << 24), this.#multiplier) >>> 24;
  }

  /**
   * The id of the name in bytes[from, to), whatever its case; 0 when it is not known; -id when it
   * is the known one only for readers that take `_` for `-`.
   */
  find(bytes: Uint8Array, from: number, to: number): number {
    const length = to - from;
    if (length < 2) return 0;
    const id = this.#slots[this.#hash(bytes, from, to)]!;
    const start = this.#starts[id]!;
    if (id === 0 || this.#starts[id + 1]! - start !== length) return 0;
    let underscores = 0;
    for (let i = 0; i < length; i++) {
      const c = bytes[from + i]!;
      if (FOLDED[c] !== this.#text[start + i]) return 0;
      if (c === 95) underscores = 1;
    }
    return underscores === 0 ? id : -id;
  }
}
