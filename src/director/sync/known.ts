import { mix32 } from "#base/hash.ts";
import { isEnd } from "./states.ts";

/** Places of a bucket; each connection may be in one of two buckets. */
const WAYS = 4;
const WORDS = 2;
const BUCKET = WAYS * WORDS;
/** Of a place's first word: the state; the other bits are of the connection's hash. */
const STATE_MASK = 0x1f;
/** So an occupied place is never 0. */
const OCCUPIED = 0x20;
/** Ticks that what is over, or was never told, counts as older. */
const LESS_WORTH = 2 ** 29;

/** State of what was noticed but told to nobody. */
export const NOTICED = 0;

/**
 * What other directors know of our connections, as far as we told them or they told us: state and
 * tick of the last packet. 8 bytes a place, so that nothing need be kept with the connection, whose
 * value in the kernel only the programs may change.
 *
 * It is a memory that may forget: of connections that share places the one that was heard of
 * longest ago makes room, first those that are over, and is told again. Two connections are taken
 * for one another with a chance of one in 2²⁴.
 */
export class Known {
  #cells: Uint32Array;
  readonly #mask: number;
  readonly #seed: number;
  #tag = 0;
  #first = 0;
  #second = 0;

  /** `entries`: connections there may be. `seed`: that nobody can choose who shares places. */
  constructor(entries: number, seed: number) {
    let buckets = 256;
    while (buckets * WAYS < 2 * entries) buckets *= 2;
    this.#cells = new Uint32Array(buckets * BUCKET);
    this.#mask = buckets - 1;
    this.#seed = seed | 0;
  }

  /**
   * The place of a connection, or -1. Its key is `words` words from keys[from] on; `server` says to
   * whom it goes, for to another it is another connection.
   */
  find(keys: Int32Array, from: number, words: number, server: number): number {
    let a = this.#seed ^ server;
    let b = ~this.#seed;
    for (let at = from; at < from + words; at++) {
      const word = keys[at]!;
      a = Math.imul(a ^ word, 0x85ebca6b);
      a ^= a >>> 15;
      b = Math.imul(b + word, 0xc2b2ae35);
      b = (b << 13) | (b >>> 19);
    }
    const hash = mix32(a ^ Math.imul(b, 0x9e3779b1));
    this.#tag = (hash & ~STATE_MASK) | OCCUPIED;
    this.#first = (mix32(b + a) & this.#mask) * BUCKET;
    const found = this.#look(this.#first);
    this.#second = (mix32(a - b) & this.#mask) * BUCKET;
    return found >= 0 ? found : this.#look(this.#second);
  }

  #look(bucket: number): number {
    for (let at = bucket; at < bucket + BUCKET; at += WORDS) {
      if (((this.#cells[at]! ^ this.#tag) & ~STATE_MASK) === 0) return at;
    }
    return -1;
  }

  state(place: number): number {
    return this.#cells[place]! & STATE_MASK;
  }

  seen(place: number): number {
    return this.#cells[place + 1]!;
  }

  /** Writes down the connection that `find` was asked for last; `place` is what it said. */
  note(place: number, state: number, seen: number, now: number): void {
    const at = place < 0 ? this.#makeRoom(now) : place;
    this.#cells[at] = (this.#tag & ~STATE_MASK) | state;
    this.#cells[at + 1] = seen;
  }

  /** Nobody knows anything. */
  clear(): void {
    // Pages that nobody touches again cost nothing.
    this.#cells = new Uint32Array(this.#cells.length);
  }

  /** A free place, in the emptier bucket; else that of the least worth. */
  #makeRoom(now: number): number {
    const cells = this.#cells;
    let found = this.#first;
    let most = -Infinity;
    for (let i = 0; i < WAYS; i++) {
      for (const bucket of [this.#first, this.#second]) {
        const at = bucket + i * WORDS;
        // Buckets are filled from the front: the first free place is in the emptier one.
        if (cells[at] === 0) return at;
        const state = cells[at]! & STATE_MASK;
        const isLess = state === NOTICED || isEnd(state);
        const age = ((now - cells[at + 1]!) | 0) + (isLess ? LESS_WORTH : 0);
        if (age <= most) continue;
        most = age;
        found = at;
      }
    }
    return found;
  }
}
