import { mix32 } from "#base/hash.ts";
import { WEIGHT_SCALE } from "#plan/board.ts";
import type { Eligible } from "./eligible.ts";
import { byIdentity, type KeyTable } from "./key-table.ts";

/**
 * Points on a ring at most: building more would hold up a worker for more than some ten
 * milliseconds.
 */
export const RING_MOST = 65_536;

/** 2³² divided by the golden ratio: steps of it never fall near each other. */
const GOLDEN = 0x9e3779b9;

/**
 * Points of each eligible server: `perUnit` for one unit of weight, at least 1. They depend on no
 * other server, so that a server which goes takes only its own keys along. When there would be too
 * many, all are halved until they fit.
 */
function pointsOf(eligible: Eligible, perUnit: number): number[] {
  for (let share = perUnit; ; share /= 2) {
    const points: number[] = [];
    let sum = 0;
    for (let i = 0; i < eligible.count; i++) {
      points.push(Math.max(1, Math.round((eligible.weight[i]! * share) / WEIGHT_SCALE)));
      sum += points[i]!;
    }
    if (sum <= Math.max(RING_MOST, eligible.count)) return points;
  }
}

/**
 * The consistent ring: every server stands at many points of [0, 2³¹) that follow from its identity
 * alone; a key belongs to the nearest point at or after it.
 *
 *   0 ──B──────A───C──key→A──────B───A── 2³¹  (and round to 0)
 *
 * `#first` cuts the ring into as many equal arcs as there are points or a few more, and says at
 * which point the search of an arc begins: about one step, where a binary search would take ten.
 */
export class RingTable implements KeyTable {
  readonly #perUnit: number;
  #hash = new Int32Array(0);
  #first = new Uint32Array(0);
  #shift = 30;
  size = 0;
  owner = new Uint16Array(0);

  constructor(perUnit: number) {
    this.#perUnit = perUnit;
  }

  slotOf(key: number): number {
    let slot = this.#first[key >>> this.#shift]!;
    while (slot < this.size && this.#hash[slot]! < key) slot++;
    return slot === this.size ? 0 : slot;
  }

  build(eligible: Eligible): void {
    const points = pointsOf(eligible, this.#perUnit);
    this.size = points.reduce((sum, n) => sum + n, 0);
    // Sorted as numbers: the hash in the high bits, the server's place by identity in the low 16.
    const sorted = new Float64Array(this.size);
    const order = byIdentity(eligible);
    let at = 0;
    for (const [rank, i] of order.entries()) {
      for (let n = 0; n < points[i]!; n++) {
        const hash = mix32(eligible.identity[i]! + Math.imul(n, GOLDEN)) >>> 1;
        sorted[at++] = hash * 2 ** 16 + rank;
      }
    }
    sorted.sort();
    this.#hash = new Int32Array(this.size);
    this.owner = new Uint16Array(this.size);
    for (let slot = 0; slot < this.size; slot++) {
      const hash = Math.floor(sorted[slot]! / 2 ** 16);
      this.#hash[slot] = hash;
      this.owner[slot] = eligible.position[order[sorted[slot]! - hash * 2 ** 16]!]!;
    }
    this.#cut();
  }

  #cut(): void {
    const bits = Math.max(1, Math.ceil(Math.log2(Math.max(1, this.size))));
    this.#shift = 31 - bits;
    this.#first = new Uint32Array(2 ** bits);
    let slot = 0;
    for (let arc = 0; arc < this.#first.length; arc++) {
      const start = arc * 2 ** this.#shift;
      while (slot < this.size && this.#hash[slot]! < start) slot++;
      this.#first[arc] = slot;
    }
  }
}
