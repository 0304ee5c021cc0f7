import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import { deadline } from "./deadline.ts";

function begun() {
  const clock = new SimClock();
  let expired = 0;
  const cancel = deadline(clock, 1000, () => {
    expired++;
  });
  return { clock, cancel, expired: () => expired };
}

test("passes when it is due, once", () => {
  const { clock, expired } = begun();
  clock.advance(999);
  assert.equal(expired(), 0);
  clock.advance(1);
  assert.equal(expired(), 1);
  clock.advance(10_000);
  assert.equal(expired(), 1);
});

test("a stall of the event loop gives the whole time again, but only once", () => {
  const { clock, expired } = begun();
  clock.stall(3000);
  assert.equal(expired(), 0);
  clock.advance(999);
  assert.equal(expired(), 0);
  clock.stall(3000);
  assert.equal(expired(), 1);
});

test("is cancelled before, between and after", () => {
  const { clock, cancel, expired } = begun();
  clock.stall(3000);
  cancel();
  clock.advance(10_000);
  cancel();
  assert.deepEqual([expired(), clock.pending], [0, 0]);
});
