import type { Eligible } from "./eligible.ts";
import type { KeyTable } from "./key-table.ts";
import { weightClasses } from "./weight-classes.ts";
import { wholeWeights } from "./whole-weights.ts";

/**
 * Every server as often as its weight says, spread evenly: 4, 3, 2 gives ABCABACBA. Of the k
 * servers of weight w the n-th slot in turn has its middle at (n + ½) / kw of the table; sorting by
 * that place lays the table. Places are sorted as numbers with the server in the low bits.
 */
export function spreadTurns(weights: readonly number[]): Uint16Array<ArrayBuffer> {
  const slots = new Float64Array(weights.reduce((sum, weight) => sum + weight, 0));
  let at = 0;
  for (const { weight, members } of weightClasses(weights)) {
    const turns = weight * members.length;
    for (let n = 0; n < turns; n++) {
      const place = Math.floor(((n + 0.5) / turns) * 2 ** 36);
      slots[at++] = place * 2 ** 16 + members[n % members.length]!;
    }
  }
  return Uint16Array.from(slots.sort(), (slot) => slot % 2 ** 16);
}

/**
 * The static map: key modulo total weight. Exact shares, but nearly every key moves when a server
 * comes or goes. Whole weights only, so slow start would move every key at every step: it is not
 * for it.
 */
export class WeightMap implements KeyTable {
  size = 0;
  owner = new Uint16Array(0);

  slotOf(key: number): number {
    return key % this.size;
  }

  build(eligible: Eligible): void {
    this.owner = spreadTurns(wholeWeights(eligible)).map((i) => eligible.position[i]!);
    this.size = this.owner.length;
  }
}
