import type { Pool } from "./scheduler.ts";

/**
 * Remembers which server stood where, so that what a scheduler learned about a server follows it
 * when positions move. Used from `changed` only.
 */
export class Carry {
  readonly #pool: Pool;
  #identity = new Int32Array(0);

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Where each server of the pool stood at the last call, by position now; -1 = it is new. */
  origins(): Int32Array {
    const now = this.#pool.identity.slice(0, this.#pool.count);
    const before = new Map<number, number>();
    for (const [position, identity] of this.#identity.entries()) before.set(identity, position);
    const origins = now.map((identity) => before.get(identity) ?? -1);
    this.#identity = now;
    return origins;
  }
}

/** Values by position, moved along `origins`; `fresh` gives the value of a new server. */
export function carried(
  values: Float64Array,
  origins: Int32Array,
  fresh: (position: number) => number,
): Float64Array<ArrayBuffer> {
  return Float64Array.from(origins, (origin, position) =>
    origin < 0 ? fresh(position) : values[origin]!,
  );
}

/** The other way round: where each of `count` servers has gone, by position before; -1 = away. */
export function destinations(origins: Int32Array, count: number): Int32Array {
  const moved = new Int32Array(count).fill(-1);
  for (const [position, origin] of origins.entries()) if (origin >= 0) moved[origin] = position;
  return moved;
}

/** Everybody stands where they stood. */
export function isInPlace(moved: Int32Array): boolean {
  return moved.every((to, from) => to === from);
}
