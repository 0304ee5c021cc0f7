import assert from "node:assert/strict";
import { test } from "node:test";
import { Serial } from "./serial.ts";

test("one at a time, and those who wait share the next", async () => {
  const ends: ((value: number) => void)[] = [];
  let runs = 0;
  const serial = new Serial(() => {
    runs++;
    return new Promise<number>((resolve) => ends.push(resolve));
  });
  const [first, second, third] = [serial.run(), serial.run(), serial.run()];
  assert.equal(runs, 1);
  ends[0]!(1);
  assert.equal(await first, 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(runs, 2);
  const fourth = serial.run();
  ends[1]!(2);
  assert.deepEqual(await Promise.all([second, third]), [2, 2]);
  await new Promise((resolve) => setImmediate(resolve));
  ends[2]!(3);
  assert.equal(await fourth, 3);
  assert.equal(runs, 3);
});

test("a run that fails does not stop the next", async () => {
  let runs = 0;
  const serial = new Serial(async () => {
    if (++runs === 1) throw new Error("first");
    return runs;
  });
  const both = [serial.run(), serial.run()];
  await assert.rejects(both[0]!, /first/);
  assert.equal(await both[1], 2);
  assert.equal(await serial.run(), 3);
});
