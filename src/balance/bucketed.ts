// @hot
import { PACKET_PROBES, type PacketHash } from "#plan/packet-schedule.ts";
import { Blind } from "./blind.ts";
import { Eligible } from "./eligible.ts";
import { probeSlot, probesOf, slotOf } from "./packet-hash.ts";
import { Rotation } from "./rotation.ts";
import { NONE, type Pool, type Scheduler } from "./scheduler.ts";

/** A table over all servers of a pool, eligible or not. */
export interface BucketTable {
  readonly owner: Uint16Array;
  /** Lays the table anew where the pool asks for it. May allocate. */
  build(pool: Pool): void;
}

/**
 * Sends a key to the owner of its bucket of an IPVS table. Such tables know servers that may not be
 * picked; a key of one goes on as packets with the fallback flag do, for a request is not to fail
 * while others could take it. With `fallback` it also goes on from a server that is full; else it
 * waits for that one. Requests without a key go round robin.
 */
class Bucketed extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #hash: PacketHash;
  readonly #table: BucketTable;
  readonly #fallback: boolean;
  readonly #eligible: Eligible;
  readonly #rotation: Rotation;

  constructor(pool: Pool, hash: PacketHash, table: BucketTable, fallback: boolean, seed: number) {
    super();
    this.#pool = pool;
    this.#hash = hash;
    this.#table = table;
    this.#fallback = fallback;
    this.#eligible = new Eligible(pool);
    this.#rotation = new Rotation(pool, seed);
    table.build(pool);
  }

  changed(): void {
    this.#eligible.changed();
    this.#rotation.changed();
    this.#table.build(this.#pool);
  }

  pick(key: number): number {
    if (key < 0) return this.#rotation.pick();
    const count = this.#eligible.count;
    if (count === 0) return NONE;
    const hash = this.#hash;
    const owner = this.#table.owner;
    const size = owner.length;
    const first = slotOf(hash, key, size);
    if (this.#takes(owner[first]!)) return owner[first]!;
    const probes = Math.min(probesOf(hash, size), PACKET_PROBES);
    for (let step = 0; step < probes; step++) {
      const position = owner[probeSlot(hash, key, first, step, size)]!;
      if (this.#takes(position)) return position;
    }
    // Few take anything, or they have no bucket.
    const index = key % count;
    return this.#fallback ? this.#eligible.free(index) : this.#eligible.position[index]!;
  }

  #takes(position: number): boolean {
    const pool = this.#pool;
    if (position >= pool.count || pool.weight[position]! <= 0) return false;
    return !(this.#fallback && pool.full(position));
  }
}

export function createBucketed(
  pool: Pool,
  hash: PacketHash,
  table: BucketTable,
  fallback: boolean,
  seed: number,
): Scheduler {
  return new Bucketed(pool, hash, table, fallback, seed);
}
