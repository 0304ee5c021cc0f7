import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SimPool, servers } from "#kit/pool.ts";
import { Eligible } from "./eligible.ts";
import { WeightMap } from "./weight-map.ts";

function mapOf(...weights: number[]): string {
  const pool = new SimPool(servers(...weights));
  const map = new WeightMap();
  map.build(new Eligible(pool));
  return Array.from(map.owner, (position) => pool.names[position]).join("");
}

test("known tables", () => {
  assert.equal(mapOf(4, 3, 2), "abcabacba");
  assert.equal(mapOf(1, 1, 1), "abc");
  assert.equal(mapOf(5, 1, 1), "abaaaca");
  assert.equal(mapOf(20, 0, 10), "aca");
  assert.equal(mapOf(), "");
});

test("part of a unit counts as one, so that slow start does not move every key", () => {
  assert.equal(mapOf(1, 0.01, 1), "abc");
});

test("every server stands as often as its weight says, as evenly as can be", () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 1, max: 20 }),
      (weights, scale) => {
        const table = mapOf(...weights.map((weight) => weight * scale));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        for (const [i, weight] of weights.entries()) {
          const name = servers(...weights)[i]!.name;
          let seen = 0;
          for (const [at, owner] of [...table].entries()) {
            if (owner === name) seen++;
            assert.ok(Math.abs(seen - ((at + 1) * weight) / total) < 2);
          }
          assert.equal(seen * total, weight * table.length);
        }
      },
    ),
  );
});
