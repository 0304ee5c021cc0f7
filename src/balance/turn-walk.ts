// @hot
import { Blind } from "./blind.ts";
import { Eligible } from "./eligible.ts";
import { NONE, type Pool, type Scheduler } from "./scheduler.ts";

/** A table of positions that is walked round. */
export interface TurnTable {
  readonly owner: Uint16Array;
  /**
   * Lays the table anew and says where to go on: `next` is the entry whose turn it was, or the seed
   * before the first table.
   */
  build(eligible: Eligible, next: number): number;
}

/** Servers in the order of a table; who is full is passed over. */
class TurnWalk extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #eligible: Eligible;
  readonly #table: TurnTable;
  #next: number;

  constructor(pool: Pool, table: TurnTable, seed: number) {
    super();
    this.#pool = pool;
    this.#eligible = new Eligible(pool);
    this.#table = table;
    this.#next = table.build(this.#eligible, seed);
  }

  changed(): void {
    if (this.#eligible.changed()) this.#next = this.#table.build(this.#eligible, this.#next);
  }

  pick(): number {
    const owner = this.#table.owner;
    const size = owner.length;
    if (size === 0) return NONE;
    const count = this.#eligible.count;
    for (let looked = 0; looked < count; looked++) {
      const position = owner[this.#next]!;
      if (++this.#next === size) this.#next = 0;
      if (!this.#pool.full(position)) return position;
    }
    return this.#eligible.free(this.#next % count);
  }
}

export function createTurnWalk(pool: Pool, table: TurnTable, seed: number): Scheduler {
  return new TurnWalk(pool, table, seed);
}
