import { Carry, carried } from "./carry.ts";
import type { Pool } from "./scheduler.ts";
import { weightClasses } from "./weight-classes.ts";

/**
 * State of a Rotation, by class of equal weight (heaviest first) and by position. Class c owns
 * members[start[c] .. end[c]); cursor[c] is the index of the one whose turn it is.
 */
export class Turns {
  readonly #pool: Pool;
  readonly #carry: Carry;
  readonly #seed: number;

  classes = 0;
  /** Sum of the weights of a class's members. */
  weight = new Float64Array(0);
  credit = new Float64Array(0);
  start = new Int32Array(0);
  end = new Int32Array(0);
  cursor = new Int32Array(0);
  members = new Int32Array(0);
  /** When a server was last served, by position, in picks of this rotation. */
  served = new Float64Array(0);
  clock = 0;

  constructor(pool: Pool, seed: number) {
    this.#pool = pool;
    this.#carry = new Carry(pool);
    this.#seed = seed;
  }

  /**
   * Takes over the pool's weights. Servers keep their place in the order of turns: the longest
   * unserved comes first, a new one last. `credit / total` is the number of requests a class is
   * owed, always inside (-1, 1); each member takes its share of it along, so a change neither
   * bunches nor starves.
   */
  rebuild(): void {
    const origins = this.#carry.origins();
    const owed = carried(this.#owed(), origins, () => 0);
    const first = this.clock === 0 && this.served.length === 0;
    const count = origins.length;
    if (first) this.clock = count;
    this.served = carried(this.served, origins, (position) =>
      first ? (((position - this.#seed) % count) + count) % count : this.clock,
    );
    const classes = weightClasses(this.#pool.weight.subarray(0, count), this.served);
    const total = classes.reduce((sum, c) => sum + c.weight * c.members.length, 0);
    this.classes = classes.length;
    this.weight = Float64Array.from(classes, (c) => c.weight * c.members.length);
    this.credit = Float64Array.from(classes, (c) => {
      const requests = c.members.reduce((sum, position) => sum + owed[position]!, 0);
      return Math.max(-1, Math.min(1, requests)) * total;
    });
    this.members = Int32Array.from(classes.flatMap((c) => c.members));
    let at = 0;
    this.start = Int32Array.from(classes, (c) => (at += c.members.length) - c.members.length);
    this.end = Int32Array.from(classes, (c, i) => this.start[i]! + c.members.length);
    this.cursor = this.start.slice();
  }

  /** Requests that each server is owed now, by position. */
  #owed(): Float64Array {
    const owed = new Float64Array(this.served.length);
    const total = this.weight.reduce((sum, weight) => sum + weight, 0);
    for (let c = 0; c < this.classes; c++) {
      const size = this.end[c]! - this.start[c]!;
      for (let at = this.start[c]!; at < this.end[c]!; at++) {
        owed[this.members[at]!] = this.credit[c]! / total / size;
      }
    }
    return owed;
  }
}

export function createTurns(pool: Pool, seed: number): Turns {
  const turns = new Turns(pool, seed);
  turns.rebuild();
  return turns;
}
