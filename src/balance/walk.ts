// @hot
import { Blind } from "./blind.ts";
import { FULL, NONE, type Pool, type Scheduler } from "./scheduler.ts";

/**
 * Chooses by looking at every server, in configuration order; of equal ones the first is taken. The
 * director's programs do the same in the kernel, with what they count there.
 */
export type Walk = (pool: Pool) => number;

/**
 * What a server has to carry, as IPVS reckons it: 256 for each active connection, 1 for each open
 * one that is not.
 */
export function overhead(pool: Pool, position: number): number {
  return pool.load(position) * 256 + (pool.inactive?.(position) ?? 0);
}

/** True when the server may be given something new now. */
export function isOpen(pool: Pool, position: number): boolean {
  return pool.weight[position]! > 0 && !pool.full(position);
}

/** What a walk that found nobody says: FULL when somebody is eligible, else NONE. */
export function nobody(pool: Pool): number {
  for (let position = 0; position < pool.count; position++) {
    if (pool.weight[position]! > 0) return FULL;
  }
  return NONE;
}

class Walker extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #walk: Walk;

  constructor(pool: Pool, walk: Walk) {
    super();
    this.#pool = pool;
    this.#walk = walk;
  }

  changed(): void {}

  pick(): number {
    return this.#walk(this.#pool);
  }
}

/** A scheduler that needs nothing but a walk. */
export function createWalker(pool: Pool, walk: Walk): Scheduler {
  return new Walker(pool, walk);
}

/**
 * The server whose load is least for its weight, of equals the first; compared without division.
 */
export function walkLeast(pool: Pool, loadOf: (pool: Pool, position: number) => number): number {
  let best = -1;
  let least = 0;
  let leastWeight = 1;
  for (let position = 0; position < pool.count; position++) {
    const load = loadOf(pool, position);
    const weight = pool.weight[position]!;
    const isWorse = best >= 0 && load * leastWeight >= least * weight;
    if (isWorse || weight <= 0 || pool.full(position)) continue;
    best = position;
    least = load;
    leastWeight = weight;
  }
  return best < 0 ? nobody(pool) : best;
}
