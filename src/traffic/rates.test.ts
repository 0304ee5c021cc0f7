import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import { Rate, Series } from "./rates.ts";

/** Records the values a second apart. */
function recorded(values: readonly number[], clock = new SimClock()): Series {
  const series = new Series(clock);
  for (const value of values) {
    clock.advance(1000);
    series.record(value);
  }
  return series;
}

test("before the first value everything is 0", () => {
  const series = recorded([]);
  assert.deepEqual(
    [series.current, series.minute, series.smoothed, series.peak, series.peakAtMs],
    [0, 0, 0, 0, 0],
  );
  assert.deepEqual(series.history(), []);
});

test("the average is over as many seconds as there were, at most sixty", () => {
  assert.equal(recorded([10, 20]).minute, 15);
  const series = recorded([1000, ...Array.from({ length: 60 }, (_, i) => i)]);
  assert.equal(series.minute, 29.5);
  assert.deepEqual(series.history().slice(0, 3), [0, 1, 2]);
  assert.equal(series.current, 59);
});

test("the peak keeps its time, the first one of equals, until a new day", () => {
  const clock = new SimClock(1_000_000);
  const series = recorded([5, 90, 7, 90, 8], clock);
  assert.equal(series.peak, 90);
  assert.equal(series.peakAtMs, 1_002_000);
  series.resetPeak();
  assert.equal(series.peak, 8);
  assert.equal(series.peakAtMs, 1_005_000);
});

test("the smoothed value goes a quarter of the way every two seconds", () => {
  assert.equal(recorded([100]).smoothed, 0);
  assert.equal(recorded([100, 100]).smoothed, 25);
  assert.equal(recorded([80, 120, 100]).smoothed, 25);
  assert.equal(recorded([100, 100, 100, 100]).smoothed, 43.75);
  const settled = recorded(new Array(120).fill(40)).smoothed;
  assert.ok(Math.abs(settled - 40) < 1e-5);
});

test("seconds that were missed take the value that came after them", () => {
  const clock = new SimClock();
  const series = recorded([10], clock);
  clock.advance(3020);
  series.record(2);
  assert.deepEqual(series.history(), [10, 2, 2, 2]);
  clock.advance(500_000);
  series.record(1);
  assert.deepEqual(series.history(), new Array(60).fill(1));
});

test("a rate is what a total grew by, for the time that really passed", () => {
  const clock = new SimClock();
  const rate = new Rate(clock);
  rate.sample(5000);
  assert.deepEqual(rate.history(), [], "the first total only says where to begin");
  clock.advance(1000);
  rate.sample(5100);
  assert.equal(rate.current, 100);
  clock.advance(1250);
  rate.sample(5225);
  assert.equal(rate.current, 100);
  clock.advance(2000);
  rate.sample(5625);
  assert.deepEqual(rate.history(), [100, 100, 200, 200]);
});

test("a total that shrank began again; a sample that comes too soon waits", () => {
  const clock = new SimClock();
  const rate = new Rate(clock);
  rate.sample(900);
  clock.advance(1000);
  rate.sample(40);
  assert.equal(rate.current, 40);
  clock.advance(100);
  rate.sample(140);
  assert.equal(rate.current, 40);
  clock.advance(900);
  rate.sample(140);
  assert.equal(rate.current, 100);
});
