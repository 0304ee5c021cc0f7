import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HISTOGRAM } from "#plan/board.ts";
import { boundOf, bucketOf, countOf, merge, quantile, record } from "./histogram.ts";

const { SUB, BUCKETS } = HISTOGRAM;
const row = (times: readonly number[], at = 0): Float64Array => {
  const view = new Float64Array(at + BUCKETS);
  for (const us of times) record(view, at, us);
  return view;
};
const times = fc.array(
  fc.nat({ max: 27 }).chain((power) => fc.nat({ max: 2 ** power })),
  { minLength: 1, maxLength: 200 },
);

test("every bucket begins where the one before it ends", () => {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    assert.equal(bucketOf(boundOf(bucket)), bucket);
    assert.equal(bucketOf(boundOf(bucket + 1) - 1), bucket);
    assert.ok(boundOf(bucket + 1) > boundOf(bucket));
  }
  assert.equal(boundOf(0), 0);
  assert.equal(boundOf(BUCKETS), 2 ** 28);
});

test("known buckets", () => {
  const known = [
    [0, 0],
    [7, 7],
    [8, 8],
    [15, 15],
    [16, 16],
    [17, 16],
    [18, 17],
    [1000, 63],
    [1_000_000, 143],
    [2 ** 28 - 1, BUCKETS - 1],
  ] as const;
  for (const [us, bucket] of known) assert.equal(bucketOf(us), bucket, `${us}`);
});

test("what is no time, or too long a time, lands at an end", () => {
  for (const us of [-1, -0.5, 0.99, Number.NaN, Number.NEGATIVE_INFINITY]) {
    assert.equal(bucketOf(us), 0, `${us}`);
  }
  for (const us of [2 ** 28, 2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY]) {
    assert.equal(bucketOf(us), BUCKETS - 1, `${us}`);
  }
});

test("a bucket is at most an eighth of its values wide", () => {
  for (let bucket = SUB; bucket < BUCKETS; bucket++) {
    assert.ok((boundOf(bucket + 1) - boundOf(bucket)) / boundOf(bucket) <= 1 / SUB);
  }
});

test("a quantile is within an eighth of the nearest rank of the sorted times", () => {
  fc.assert(
    fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (list, q) => {
      const sorted = list.toSorted((a, b) => a - b);
      const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1]!;
      const found = quantile(row(list, 5), 5, q);
      assert.ok(Math.abs(found - exact) <= exact / SUB, `${found} for ${exact}`);
    }),
  );
});

test("merged rows are the row of all times, and can be taken apart again", () => {
  fc.assert(
    fc.property(times, times, (a, b) => {
      const both = row(a);
      merge(both, 0, row(b, 3), 3);
      assert.deepEqual(both, row([...a, ...b]));
      assert.equal(countOf(both, 0), a.length + b.length);
      merge(both, 0, row(a), 0, -1);
      assert.deepEqual(both, row(b));
    }),
  );
});

test("an empty row has no quantile", () => {
  assert.ok(Number.isNaN(quantile(new Float64Array(BUCKETS), 0, 0.5)));
});
