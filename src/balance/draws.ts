// @hot
import { createRandom, type Random } from "#base/clock.ts";
import { mix32 } from "#base/hash.ts";
import { buildAlias, createAlias } from "./alias.ts";
import type { Eligible } from "./eligible.ts";

const RANGE = 2 ** 32;

/**
 * Draws eligible servers at random, each as often as its weight says, in constant time: the alias
 * method. One draw takes one random number: its high part chooses a column, its low part which of
 * the two servers sharing the column.
 */
export class Draws {
  readonly #eligible: Eligible;
  readonly #random: Random;
  #alias = createAlias(0);

  constructor(eligible: Eligible, seed: number) {
    this.#eligible = eligible;
    this.#random = createRandom(mix32(seed + 1));
    this.changed();
  }

  /** Call after the Eligible has changed. */
  changed(): void {
    const eligible = this.#eligible;
    if (this.#alias.share.length < eligible.count) this.#alias = createAlias(eligible.count);
    buildAlias(this.#alias, eligible.weight, eligible.count, eligible.totalWeight);
  }

  /** An index into the Eligible by weight. There must be one. */
  draw(): number {
    const scaled = this.#random.next() * this.#eligible.count;
    const column = (scaled / RANGE) | 0;
    const alias = this.#alias;
    return scaled / RANGE - column < alias.share[column]! ? column : alias.other[column]!;
  }

  /** An index other than `index`, each as likely. There must be two. */
  drawOther(index: number): number {
    const others = this.#eligible.count - 1;
    const i = ((this.#random.next() * others) / RANGE) | 0;
    return i < index ? i : i + 1;
  }

  /** An index, each as likely, weights aside. */
  drawAny(): number {
    return ((this.#random.next() * this.#eligible.count) / RANGE) | 0;
  }
}
