// @hot
import { FULL, NONE, type Pool } from "./scheduler.ts";

/** The eligible servers of a pool side by side, in order of position. */
export class Eligible {
  readonly #pool: Pool;
  count = 0;
  /** Position in the pool by index here. */
  position = createIntegers(0);
  /** Weight by index here. */
  weight = createIntegers(0);
  /** Identity by index here. */
  identity = createIntegers(0);
  totalWeight = 0;

  constructor(pool: Pool) {
    this.#pool = pool;
    this.changed();
  }

  /** Takes over the pool as it is; false when nothing here is different from before. */
  changed(): boolean {
    const pool = this.#pool;
    let different = false;
    if (this.position.length < pool.count) {
      // What was there is compared below; zeros differ from every eligible server's weight.
      this.position = grown(this.position, pool.count);
      this.weight = grown(this.weight, pool.count);
      this.identity = grown(this.identity, pool.count);
    }
    let count = 0;
    this.totalWeight = 0;
    for (let position = 0; position < pool.count; position++) {
      const weight = pool.weight[position]!;
      if (weight <= 0) continue;
      const identity = pool.identity[position]!;
      if (
        this.position[count] !== position ||
        this.weight[count] !== weight ||
        this.identity[count] !== identity
      ) {
        different = true;
      }
      this.position[count] = position;
      this.weight[count] = weight;
      this.identity[count] = identity;
      this.totalWeight += weight;
      count++;
    }
    different ||= count !== this.count;
    this.count = count;
    return different;
  }

  /** Index of the first server at or after position `from`, 0 when there is none. */
  indexFrom(from: number): number {
    for (let i = 0; i < this.count; i++) if (this.position[i]! >= from) return i;
    return 0;
  }

  /** First position that is not full, looking round from index `start`; or FULL, or NONE. */
  free(start: number): number {
    const count = this.count;
    if (count === 0) return NONE;
    let i = start;
    for (let looked = 0; looked < count; looked++) {
      if (!this.#pool.full(this.position[i]!)) return this.position[i]!;
      if (++i === count) i = 0;
    }
    return FULL;
  }
}

function createIntegers(length: number): Int32Array {
  return new Int32Array(length);
}

function grown(from: Int32Array, length: number): Int32Array {
  const to = createIntegers(length);
  to.set(from);
  return to;
}
