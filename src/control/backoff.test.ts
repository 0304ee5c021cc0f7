import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import { Backoff } from "./backoff.ts";

test("at once, then ever slower, and from the start after a good life", () => {
  const clock = new SimClock();
  const backoff = new Backoff(clock);
  const delays = Array.from({ length: 8 }, () => {
    backoff.born();
    clock.advance(50);
    return backoff.died();
  });
  assert.deepEqual(delays, [0, 100, 200, 400, 800, 1600, 2000, 2000]);
  backoff.born();
  clock.advance(10_000);
  assert.equal(backoff.died(), 0);
});
