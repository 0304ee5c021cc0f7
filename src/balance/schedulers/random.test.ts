import assert from "node:assert/strict";
import { test } from "node:test";
import { SimPool, servers } from "#kit/pool.ts";
import { random } from "./random.ts";

function counts(pool: SimPool, draws: number, picks = 20_000): number[] {
  const scheduler = random.create(pool, { draws }, 1);
  const out = new Array<number>(pool.count).fill(0);
  for (let n = 0; n < picks; n++) out[scheduler.pick(-1, 0)]!++;
  return out;
}

test("two draws of two servers: always the less loaded for its weight", () => {
  const pool = new SimPool(servers(1, 3));
  pool.loads.set([2, 5]);
  assert.deepEqual(counts(pool, 2), [0, 20_000]);
  pool.loads.set([2, 7]);
  assert.deepEqual(counts(pool, 2), [20_000, 0]);
});

test("equal loads: the lower rate for its weight", () => {
  const pool = new SimPool(servers(1, 3));
  pool.rates = [10, 40];
  assert.deepEqual(counts(pool, 2), [20_000, 0]);
  pool.rates = [10, 20];
  assert.deepEqual(counts(pool, 2), [0, 20_000]);
});

test("the most loaded of three is never taken by two draws, and one draw looks at no load", () => {
  const pool = new SimPool(servers(1, 1, 1));
  pool.loads.set([9, 5, 1]);
  const two = counts(pool, 2);
  assert.equal(two[0], 0);
  assert.ok(Math.abs(two[2]! / 20_000 - 2 / 3) < 0.02, `${two}`);
  for (const count of counts(pool, 1)) assert.ok(Math.abs(count / 20_000 - 1 / 3) < 0.02);
});

test("two draws keep a large pool far more even than one", () => {
  const most = (draws: number): number => {
    const pool = new SimPool(servers(...new Array(1000).fill(1)));
    const scheduler = random.create(pool, { draws }, 1);
    for (let n = 0; n < 10_000; n++) pool.loads[scheduler.pick(-1, 0)]!++;
    return Math.max(...pool.loads);
  };
  assert.ok(most(1) >= 18 && most(2) <= 13, `${most(1)} ${most(2)}`);
});
