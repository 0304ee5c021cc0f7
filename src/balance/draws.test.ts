import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SimPool, servers } from "#kit/pool.ts";
import { buildAlias, createAlias } from "./alias.ts";
import { Draws } from "./draws.ts";
import { Eligible } from "./eligible.ts";

const anyWeights = fc.array(fc.integer({ min: 1, max: 65_536 }), { minLength: 1, maxLength: 40 });

test("the columns of the alias method hold every weight exactly", () => {
  fc.assert(
    fc.property(anyWeights, (weights) => {
      const count = weights.length;
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      const alias = createAlias(count + 3);
      buildAlias(alias, Int32Array.from(weights), count, total);
      const chance = new Array<number>(count).fill(0);
      for (let i = 0; i < count; i++) {
        chance[i]! += alias.share[i]! / count;
        if (alias.share[i]! < 1) chance[alias.other[i]!]! += (1 - alias.share[i]!) / count;
      }
      for (const [i, weight] of weights.entries()) {
        assert.ok(Math.abs(chance[i]! - weight / total) < 1e-9);
      }
    }),
  );
});

test("draws come as often as weights say, and only from the eligible", () => {
  const eligible = new Eligible(new SimPool(servers(1, 0, 2, 5)));
  const draws = new Draws(eligible, 3);
  const counts = [0, 0, 0];
  for (let n = 0; n < 80_000; n++) counts[draws.draw()]!++;
  for (const [i, weight] of [1, 2, 5].entries()) {
    assert.ok(Math.abs(counts[i]! / 10_000 / weight - 1) < 0.05, `${counts}`);
  }
});

test("another one is never the one, and every other alike", () => {
  const draws = new Draws(new Eligible(new SimPool(servers(9, 1, 1, 1))), 3);
  const counts = [0, 0, 0, 0];
  for (let n = 0; n < 30_000; n++) counts[draws.drawOther(1)]!++;
  assert.equal(counts[1], 0);
  for (const i of [0, 2, 3]) assert.ok(Math.abs(counts[i]! / 10_000 - 1) < 0.05, `${counts}`);
});

test("weights aside, every index alike", () => {
  const draws = new Draws(new Eligible(new SimPool(servers(9, 1, 1))), 3);
  const counts = [0, 0, 0];
  for (let n = 0; n < 30_000; n++) counts[draws.drawAny()]!++;
  for (const count of counts) assert.ok(Math.abs(count / 10_000 - 1) < 0.05, `${counts}`);
});
