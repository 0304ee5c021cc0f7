import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createRandom } from "#base/clock.ts";
import { Known, NOTICED } from "./known.ts";

const KEY = 10;

const keysOf = (count: number): Int32Array => {
  const random = createRandom(7);
  const keys = new Int32Array(count * KEY);
  // As of one client whose ports count up: little differs.
  for (let i = 0; i < count; i++) keys[i * KEY + 8] = (i << 8) | (random.next() & 1);
  return keys;
};

describe("what others know", () => {
  test("is found again, by connection and server", () => {
    const known = new Known(16, 1);
    const keys = keysOf(2);
    assert.equal(known.find(keys, 0, KEY, 5), -1);
    known.note(-1, 3, 1000, 1000);
    const place = known.find(keys, 0, KEY, 5);
    assert.ok(place >= 0);
    assert.deepEqual([known.state(place), known.seen(place)], [3, 1000]);
    assert.equal(known.find(keys, 0, KEY, 6), -1, "to another server");
    assert.equal(known.find(keys, KEY, KEY, 5), -1, "another flow");
    known.find(keys, 0, KEY, 5);
    known.note(place, NOTICED, 0xffff_fff0, 0xffff_ffff);
    assert.deepEqual([known.state(place), known.seen(place)], [NOTICED, 0xffff_fff0]);
    known.clear();
    assert.equal(known.find(keys, 0, KEY, 5), -1);
  });

  test("a full table of connections has room", () => {
    const count = 100_000;
    const known = new Known(count, 0x1234_5678);
    const keys = keysOf(count);
    let mistaken = 0;
    for (let i = 0; i < count; i++) {
      const place = known.find(keys, i * KEY, KEY, i % 7);
      if (place >= 0) mistaken++;
      known.note(place, 1, i, count);
    }
    let forgotten = 0;
    for (let i = 0; i < count; i++) {
      const place = known.find(keys, i * KEY, KEY, i % 7);
      if (place < 0 || known.seen(place) !== i) forgotten++;
    }
    assert.ok(mistaken <= 1, `${mistaken} are taken for others`);
    assert.ok(forgotten < count / 10_000, `${forgotten} are forgotten`);
  });

  test("who was heard of longest ago makes room, before and after the ticks wrap", () => {
    const known = new Known(1, 3);
    const keys = keysOf(5000);
    const start = 0xffff_f000;
    for (let i = 0; i < 5000; i++) {
      known.note(known.find(keys, i * KEY, KEY, 0), 1, (start + i) >>> 0, (start + i) >>> 0);
    }
    let kept = 0;
    for (let i = 4900; i < 5000; i++) if (known.find(keys, i * KEY, KEY, 0) >= 0) kept++;
    assert.ok(kept > 90, `${kept} of the last 100`);
  });
});
