import { MAP_FLAG, MAP_TYPE } from "#io/bpf/abi.ts";
import { BpfMap } from "#io/bpf/map.ts";
import type { Pool } from "./pool.ts";
import { POOL_ROW_BYTES, poolBytes, poolRows, rowKey } from "./rows.ts";

/** What of a pool is in its table. */
type Tables = Pick<Pool, "slots" | "servers">;

/** A pool as it is in the kernel. */
interface Held {
  readonly map: BpfMap;
  bytes: Uint8Array;
}

/**
 * The tables of backends in the kernel, by the backend's row. A table is changed where it lies, for
 * each of its entries is good by itself; one that has grown out of its memory is replaced, and the
 * kernel then waits until no packet uses the old: many at once wait once.
 */
export class Pools {
  readonly #outer: BpfMap;
  readonly #held = new Map<number, Held>();

  constructor(outer: BpfMap) {
    this.#outer = outer;
  }

  /** Writes tables by row. Throws a SystemError. */
  write(pools: ReadonlyMap<number, Tables>): void {
    const fresh: [row: number, held: Held][] = [];
    for (const [row, tables] of pools) {
      const held = this.#held.get(row);
      if (held && rowsOf(tables) <= held.map.maxEntries) update(held, tables);
      else fresh.push([row, create(tables)]);
    }
    if (fresh.length === 0) return;
    const keys = Uint32Array.from(fresh, ([row]) => row);
    const values = Uint32Array.from(fresh, ([, { map }]) => map.fd);
    this.#outer.updateBatch(
      new Uint8Array(keys.buffer),
      new Uint8Array(values.buffer),
      fresh.length,
    );
    for (const [row, held] of fresh) {
      this.#held.get(row)?.map.close();
      this.#held.set(row, held);
    }
  }

  /** The table of a row, if it has one. */
  mapOf(row: number): BpfMap | undefined {
    return this.#held.get(row)?.map;
  }

  close(): void {
    for (const { map } of this.#held.values()) map.close();
  }
}

const rowsOf = ({ slots, servers }: Tables): number => poolRows(slots.length, servers.length);

function create(tables: Tables): Held {
  // Room to grow without being replaced.
  let rows = 2;
  while (rows < rowsOf(tables)) rows *= 2;
  const map = BpfMap.create({
    name: "pool",
    type: MAP_TYPE.ARRAY,
    keyBytes: 4,
    valueBytes: POOL_ROW_BYTES,
    maxEntries: rows,
    flags: MAP_FLAG.INNER_MAP,
  });
  const bytes = poolBytes(tables.slots, tables.servers);
  writeRows(map, bytes, [...Array(bytes.length / POOL_ROW_BYTES).keys()]);
  return { map, bytes };
}

/** Writes the rows that differ; the length, in the first of them, last where it grows. */
function update(held: Held, { slots, servers }: Tables): void {
  const bytes = poolBytes(slots, servers);
  const rows: number[] = [];
  for (let row = 1; row < bytes.length / POOL_ROW_BYTES; row++) {
    if (!isSameRow(held.bytes, bytes, row)) rows.push(row);
  }
  const grows = bytes.length > held.bytes.length;
  const length = isSameRow(held.bytes, bytes, 0) ? [] : [0];
  writeRows(held.map, bytes, grows ? [...rows, ...length] : [...length, ...rows]);
  held.bytes = bytes;
}

function isSameRow(a: Uint8Array, b: Uint8Array, row: number): boolean {
  for (let at = row * POOL_ROW_BYTES; at < (row + 1) * POOL_ROW_BYTES; at++)
    if (a[at] !== b[at]) return false;
  return true;
}

const ONE_BY_ONE = 4;

function writeRows(map: BpfMap, bytes: Uint8Array, rows: readonly number[]): void {
  const rowOf = (row: number): Uint8Array =>
    bytes.subarray(row * POOL_ROW_BYTES, (row + 1) * POOL_ROW_BYTES);
  if (rows.length <= ONE_BY_ONE) {
    for (const row of rows) map.update(rowKey(row), rowOf(row));
    return;
  }
  const values = new Uint8Array(rows.length * POOL_ROW_BYTES);
  for (const [i, row] of rows.entries()) values.set(rowOf(row), i * POOL_ROW_BYTES);
  map.updateBatch(new Uint8Array(Uint32Array.from(rows).buffer), values, rows.length);
}
