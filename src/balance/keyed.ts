// @hot
import { Blind } from "./blind.ts";
import { Eligible } from "./eligible.ts";
import type { KeyTable } from "./key-table.ts";
import { Rotation } from "./rotation.ts";
import { NONE, type Pool, type Scheduler } from "./scheduler.ts";

/** Slots of the table that are tried before every server is looked at once. */
const WALK = 32;

/**
 * Sends a key to the server that owns its slot of the table, full or not; a request without a key
 * goes round robin.
 *
 * With a balance factor the load is bounded (Mirrokni, Thorup, Zadimoghaddam, "Consistent Hashing
 * with Bounded Loads", 2016): no server gets more than ceil(factor × its share by weight of all
 * requests in flight, this one included); the key goes on to the owner of the next slot that has
 * room.
 */
class Keyed extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #table: KeyTable;
  /** Bound as a multiple of the fair share; 0 = none. */
  readonly #factor: number;
  readonly #eligible: Eligible;
  readonly #rotation: Rotation;

  constructor(pool: Pool, table: KeyTable, balanceFactor: number, seed: number) {
    super();
    this.#pool = pool;
    this.#table = table;
    this.#factor = balanceFactor / 100;
    this.#eligible = new Eligible(pool);
    this.#rotation = new Rotation(pool, seed);
    table.build(this.#eligible);
  }

  changed(): void {
    if (this.#eligible.changed()) this.#table.build(this.#eligible);
    this.#rotation.changed();
  }

  pick(key: number): number {
    if (key < 0) return this.#rotation.pick();
    const table = this.#table;
    if (table.size === 0) return NONE;
    const slot = table.slotOf(key);
    return this.#factor === 0 ? table.owner[slot]! : this.#bounded(key, slot);
  }

  #bounded(key: number, first: number): number {
    const pool = this.#pool;
    const owner = this.#table.owner;
    const size = this.#table.size;
    const eligible = this.#eligible;
    const perWeight = (this.#factor * (pool.total() + 1)) / eligible.totalWeight;
    let slot = first;
    for (let step = 0; step < WALK && step < size; step++) {
      const position = owner[slot]!;
      if (hasRoom(pool, position, perWeight)) return position;
      if (++slot === size) slot = 0;
    }
    // Almost everybody is at the bound: no more walking by chance.
    const count = eligible.count;
    let i = key % count;
    for (let looked = 0; looked < count; looked++) {
      const position = eligible.position[i]!;
      if (hasRoom(pool, position, perWeight)) return position;
      if (++i === count) i = 0;
    }
    // Only when loads and their total were read at different moments.
    return owner[first]!;
  }
}

function hasRoom(pool: Pool, position: number, perWeight: number): boolean {
  return pool.load(position) < Math.ceil(perWeight * pool.weight[position]!);
}

/**
 * A scheduler over `table`, which it owns; `balanceFactor` in percent of the fair share, 0 = no
 * bound.
 */
export function createKeyed(
  pool: Pool,
  table: KeyTable,
  balanceFactor: number,
  seed: number,
): Scheduler {
  return new Keyed(pool, table, balanceFactor, seed);
}
