import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff.ts";

test("at once, then ever slower, and from the start after a good life", () => {
  let now = 0;
  const backoff = new Backoff({ monotonicMs: () => now, wallMs: () => 0 });
  const delays = Array.from({ length: 8 }, () => {
    backoff.born();
    now += 50;
    return backoff.died();
  });
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1600, 2000, 2000]);
  backoff.born();
  now += 10_000;
  assert.equal(backoff.died(), 0);
});
