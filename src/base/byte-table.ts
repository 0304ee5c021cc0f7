// @hot
import { sameBytes, sameLower } from "./bytes.ts";
import { hashBytes, hashLower } from "./hash.ts";

/**
 * Finds the index of a key among many by its bytes, without making a string: an open-addressed
 * table with linear probing, at most half full, made once and never changed.
 *
 *     slots   | 0 | 3 | 0 | 1 | 2 | …   index of the key + 1, 0 = empty; a power of two of them
 */
export class ByteTable {
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #keys: readonly Uint8Array[];

  /** Keys for `findLower` must be in lower case. Of equal keys the first is found. */
  constructor(keys: readonly Uint8Array[]) {
    let size = 4;
    while (size < keys.length * 2) size *= 2;
    this.#slots = new Int32Array(size);
    this.#mask = size - 1;
    this.#keys = keys;
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i]!;
      if (this.find(key, 0, key.length) >= 0) continue;
      let at = hashBytes(key, 0, key.length) & this.#mask;
      while (this.#slots[at] !== 0) at = (at + 1) & this.#mask;
      this.#slots[at] = i + 1;
    }
  }

  /** Index of the key that equals bytes[from, to), or -1. */
  find(bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = hashBytes(bytes, from, to) & mask;
    for (let slot = slots[at]!; slot !== 0; slot = slots[at]!) {
      if (sameBytes(bytes, from, to, this.#keys[slot - 1]!)) return slot - 1;
      at = (at + 1) & mask;
    }
    return -1;
  }

  /** As find, ASCII case of bytes[from, to) ignored. */
  findLower(bytes: Uint8Array, from: number, to: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let at = hashLower(bytes, from, to) & mask;
    for (let slot = slots[at]!; slot !== 0; slot = slots[at]!) {
      if (sameLower(bytes, from, to, this.#keys[slot - 1]!)) return slot - 1;
      at = (at + 1) & mask;
    }
    return -1;
  }
}
