import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mix32 } from "#base/hash.ts";
import { maglevTable, primeFrom } from "./maglev-table.ts";

const identities = (count: number): number[] =>
  Array.from({ length: count }, (_, i) => mix32(i + 1) | 0);

const countsOf = (table: Uint16Array, servers: number): number[] => {
  const counts = new Array<number>(servers).fill(0);
  for (const owner of table) counts[owner]!++;
  return counts;
};

/** The algorithm of the paper, with whole permutations and without weights. */
function naiveTable(identity: readonly number[], size: number): number[] {
  const permutation = identity.map((id) => {
    const offset = mix32(id) % size;
    const skip = (mix32(mix32(id) + 1) % (size - 1)) + 1;
    return Array.from({ length: size }, (_, j) => (offset + j * skip) % size);
  });
  const next = identity.map(() => 0);
  const table = new Array<number>(size).fill(-1);
  for (let n = 0; ; ) {
    for (const i of identity.keys()) {
      while (table[permutation[i]![next[i]!]!] !== -1) next[i]!++;
      table[permutation[i]![next[i]!]!] = i;
      if (++n === size) return table;
    }
  }
}

test("equal weights: the table of the paper", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer(), { minLength: 1, maxLength: 12 }),
      fc.constantFrom(13, 251, 509),
      (identity, size) => {
        const weight = identity.map(() => 7);
        assert.deepEqual([...maglevTable(identity, weight, size)], naiveTable(identity, size));
      },
    ),
  );
});

test("shares follow the weights to within a slot for each other server", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 256 }), { minLength: 1, maxLength: 12 }),
      (w) => {
        const counts = countsOf(maglevTable(identities(w.length), w, 4093), w.length);
        const total = w.reduce((sum, weight) => sum + weight, 0);
        for (const [i, weight] of w.entries()) {
          assert.ok(
            Math.abs(counts[i]! - (4093 * weight) / total) <= w.length,
            `${counts} for ${w}`,
          );
        }
      },
    ),
  );
});

test("when a server goes, few slots of the others change hands", () => {
  const identity = identities(10);
  const weight = identity.map(() => 256);
  const before = maglevTable(identity, weight, 65_537);
  const after = maglevTable(identity.slice(0, 9), weight.slice(0, 9), 65_537);
  let moved = 0;
  for (const [slot, owner] of before.entries()) if (owner !== 9 && after[slot] !== owner) moved++;
  assert.ok(moved / before.length < 0.02, `${moved}`);
});

test("primes", () => {
  const known = [
    [2, 2],
    [4, 5],
    [251, 251],
    [252, 257],
    [65_536, 65_537],
    [131_071, 131_071],
  ] as const;
  for (const [least, prime] of known) assert.equal(primeFrom(least), prime);
});
