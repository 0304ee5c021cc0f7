import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SimPool, servers } from "#kit/pool.ts";
import { Eligible } from "./eligible.ts";
import { FULL, NONE } from "./scheduler.ts";

const list = fc.array(
  fc.record({
    name: fc.constantFrom("a", "b", "c", "d"),
    weight: fc.nat({ max: 2 }),
    full: fc.boolean(),
  }),
  { maxLength: 6 },
);

test("holds the eligible in order, and knows whether anything is different", () => {
  fc.assert(
    fc.property(fc.array(list, { minLength: 1, maxLength: 8 }), (states) => {
      const pool = new SimPool([]);
      const eligible = new Eligible(pool);
      let before = "[]";
      for (const state of states) {
        pool.set(state);
        const wanted = [...pool.weight.keys()]
          .filter((i) => pool.weight[i]! > 0)
          .map((i) => [i, pool.weight[i], pool.identity[i]]);
        assert.equal(eligible.changed(), JSON.stringify(wanted) !== before);
        const found = wanted.map((_, i) => [
          eligible.position[i],
          eligible.weight[i],
          eligible.identity[i],
        ]);
        assert.deepEqual(found, wanted);
        assert.equal(eligible.count, wanted.length);
        assert.equal(
          eligible.totalWeight,
          wanted.reduce((sum, [, weight]) => sum + weight!, 0),
        );
        before = JSON.stringify(wanted);
      }
    }),
  );
});

test("the first free one, looking round", () => {
  const pool = new SimPool(servers(1, 0, 1, 1));
  const eligible = new Eligible(pool);
  pool.fulls = [true, false, true, false];
  assert.equal(eligible.free(0), 3);
  pool.fulls = [false, false, true, true];
  assert.equal(eligible.free(1), 0);
  pool.fulls = [true, false, true, true];
  assert.equal(eligible.free(2), FULL);
  pool.set(servers(0));
  eligible.changed();
  assert.equal(eligible.free(0), NONE);
});

test("index from a position", () => {
  const eligible = new Eligible(new SimPool(servers(0, 1, 0, 1)));
  assert.deepEqual(
    [0, 1, 2, 3, 4].map((position) => eligible.indexFrom(position)),
    [0, 0, 1, 1, 0],
  );
});
