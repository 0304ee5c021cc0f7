import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import { PortRanges } from "./port-ranges.ts";

/** A list that is looked through; the owner in the way is the one with the lowest ports. */
class NaiveRanges {
  readonly #taken: { first: number; last: number; owner: number }[] = [];

  claim(first: number, last: number, owner: number): number | undefined {
    const inTheWay = this.#taken.filter((range) => range.first <= last && range.last >= first);
    if (inTheWay.length === 0) this.#taken.push({ first, last, owner });
    return inTheWay.toSorted((a, b) => a.first - b.first)[0]?.owner;
  }
}

for (const ports of [30, 65_535]) {
  it(`ranges of ${ports} ports clash as in a list that is looked through`, () => {
    const port = fc.integer({ min: 1, max: ports });
    const range = fc.tuple(port, port).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    const single = port.map((p) => [p, p] as const);
    fc.assert(
      fc.property(fc.array(fc.oneof(range, single), { maxLength: 40 }), (claims) => {
        const fast = new PortRanges<number>();
        const naive = new NaiveRanges();
        for (const [i, [first, last]] of claims.entries()) {
          assert.equal(fast.claim(first, last, i), naive.claim(first, last, i));
        }
      }),
    );
  });
}
