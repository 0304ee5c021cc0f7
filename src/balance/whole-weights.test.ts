import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { WEIGHT_SCALE } from "#plan/board.ts";
import { boundedWeights, commonDivisor, wholeWeight } from "./whole-weights.ts";

test("whole weights: a server that may be picked has one", () => {
  const known = [0, 1, WEIGHT_SCALE, 2.4 * WEIGHT_SCALE, 2.6 * WEIGHT_SCALE];
  assert.deepEqual(known.map(wholeWeight), [0, 1, 1, 2, 3]);
});

test("divided by what they have in common", () => {
  assert.equal(commonDivisor([0, 12, 18]), 6);
  assert.equal(commonDivisor([0, 0]), 0);
  assert.deepEqual(boundedWeights([12, 18], 1000), [2, 3]);
  assert.deepEqual(boundedWeights([], 1000), []);
});

test("made smaller until they fit: in proportion, and nobody falls out", () => {
  assert.deepEqual(boundedWeights([3000, 1001, 1], 50), [35, 11, 1]);
  const weights = fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(weights, (list) => {
      const bounded = boundedWeights(list, 1000);
      assert.ok(bounded.every((weight) => weight >= 1));
      assert.ok(bounded.reduce((sum, weight) => sum + weight, 0) <= 1000);
      for (const [i, weight] of list.entries()) {
        for (const [j, other] of list.entries()) {
          if (weight >= other) assert.ok(bounded[i]! >= bounded[j]!);
        }
      }
    }),
  );
});
