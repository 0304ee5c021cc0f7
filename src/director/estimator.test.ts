import assert from "node:assert/strict";
import { test } from "node:test";
import { addCounts, type Counts, Estimator, NO_COUNTS } from "./estimator.ts";

const counts = (n: number): Counts => ({
  connections: n,
  inPackets: 2 * n,
  outPackets: 3 * n,
  inBytes: 4 * n,
  outBytes: 5 * n,
});

test("goes a quarter of the way every two seconds", () => {
  const estimator = new Estimator(NO_COUNTS);
  // 100 a second.
  estimator.update(counts(200));
  assert.deepEqual(estimator.rates, counts(25));
  estimator.update(counts(400));
  assert.deepEqual(estimator.rates, counts(43.75));
  for (let i = 3; i < 60; i++) estimator.update(counts(200 * i));
  assert.ok(Math.abs(estimator.rates.connections - 100) < 0.01);
});

test("counts that begin again are no negative rate", () => {
  const estimator = new Estimator(counts(1000));
  estimator.update(counts(10));
  assert.deepEqual(estimator.rates, NO_COUNTS);
  assert.deepEqual(addCounts(counts(1), counts(2)), counts(3));
});
