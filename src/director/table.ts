import { sameBytes } from "#base/bytes.ts";
import type { BpfMap } from "#io/bpf/map.ts";
import { textOf } from "./text-key.ts";

export interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * A map that control alone writes: what is in it is known, so only what differs is written. A map
 * that somebody filled before is read first.
 */
export class Table {
  readonly map: BpfMap;
  readonly #known = new Map<string, Uint8Array>();

  constructor(map: BpfMap) {
    this.map = map;
    for (const { keys, values, count } of map.batches()) {
      for (let i = 0; i < count; i++) {
        const key = keys.slice(i * map.keyBytes, (i + 1) * map.keyBytes);
        this.#known.set(textOf(key), values.slice(i * map.slotBytes, (i + 1) * map.slotBytes));
      }
    }
  }

  get size(): number {
    return this.#known.size;
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#known.get(textOf(key));
  }

  /** Has these entries in it and no others; what differs is written with one call. */
  replace(entries: readonly Entry[]): void {
    const fresh = new Map<string, Entry>();
    const gone = new Set(this.#known.keys());
    for (const entry of entries) {
      const text = textOf(entry.key);
      const known = this.#known.get(text);
      gone.delete(text);
      if (known && sameBytes(known, 0, known.length, entry.value)) fresh.delete(text);
      else fresh.set(text, entry);
    }
    this.#write([...fresh.values()]);
    for (const [text, { value }] of fresh) this.#known.set(text, value);
    this.#delete([...gone]);
  }

  #delete(texts: readonly string[]): void {
    const { keyBytes } = this.map;
    const keys = new Uint8Array(texts.length * keyBytes);
    for (const [i, text] of texts.entries()) {
      for (let j = 0; j < keyBytes; j++) keys[i * keyBytes + j] = text.charCodeAt(j);
      this.#known.delete(text);
    }
    this.map.deleteBatch(keys, texts.length);
  }

  #write(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const { keyBytes, slotBytes } = this.map;
    const keys = new Uint8Array(entries.length * keyBytes);
    const values = new Uint8Array(entries.length * slotBytes);
    for (const [i, { key, value }] of entries.entries()) {
      keys.set(key, i * keyBytes);
      values.set(value, i * slotBytes);
    }
    this.map.updateBatch(keys, values, entries.length);
  }
}
