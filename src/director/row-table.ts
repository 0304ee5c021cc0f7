import type { BpfMap } from "#io/bpf/map.ts";

/**
 * The rows of an array map that control alone writes, kept here as they are there: what differs is
 * written, many rows with one call, when `flush` says so.
 */
export class RowTable {
  readonly rows: number;
  readonly #map: BpfMap;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #dirty = new Set<number>();
  /** How often rows were written. */
  changes = 0;

  constructor(map: BpfMap) {
    this.#map = map;
    this.rows = map.maxEntries;
    this.#bytes = new Uint8Array(map.maxEntries * map.valueBytes);
    this.#view = new DataView(this.#bytes.buffer);
    for (const { keys, values, count } of map.batches()) {
      const view = new DataView(keys.buffer, keys.byteOffset);
      for (let i = 0; i < count; i++) {
        const from = i * map.valueBytes;
        const at = view.getUint32(4 * i, true) * map.valueBytes;
        this.#bytes.set(values.subarray(from, from + map.valueBytes), at);
      }
    }
  }

  /** A number of a row, at an offset of its layout. */
  u32(row: number, offset: number): number {
    return this.#view.getUint32(row * this.#map.valueBytes + offset, true);
  }

  u8(row: number, offset: number): number {
    return this.#bytes[row * this.#map.valueBytes + offset]!;
  }

  /** A copy of a row. */
  get(row: number): Uint8Array {
    const at = row * this.#map.valueBytes;
    return this.#bytes.slice(at, at + this.#map.valueBytes);
  }

  /** Changes a row; the kernel has it after `flush`. */
  set(row: number, value: Uint8Array): void {
    const at = row * this.#map.valueBytes;
    for (let i = 0; i < value.length; i++) {
      if (this.#bytes[at + i] === value[i]) continue;
      this.#bytes.set(value, at);
      this.#dirty.add(row);
      return;
    }
  }

  /** Writes what was changed. Throws a SystemError. */
  flush(): void {
    if (this.#dirty.size === 0) return;
    const keys = Uint32Array.from(this.#dirty);
    const { valueBytes } = this.#map;
    const values = new Uint8Array(keys.length * valueBytes);
    for (const [i, row] of keys.entries()) {
      values.set(this.#bytes.subarray(row * valueBytes, (row + 1) * valueBytes), i * valueBytes);
    }
    this.#map.updateBatch(new Uint8Array(keys.buffer), values, keys.length);
    this.#dirty.clear();
    this.changes++;
  }
}
