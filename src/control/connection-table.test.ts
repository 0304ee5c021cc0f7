import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import { ShortageTeller, tableRemarks } from "./connection-table.ts";
import { EventHub } from "./events.ts";

const SIZE = { size: 1000, wanted: 1000 };

test("nothing is remarked of a table as it should be", () => {
  assert.deepEqual(tableRemarks({ count: 900, ...SIZE }), []);
  assert.deepEqual(tableRemarks({ count: 0, size: 0, wanted: 0 }), []);
});

test("another size than wanted and a table nearly full are remarked", () => {
  const [size, shortage] = tableRemarks({ count: 957, size: 1000, wanted: 4000 });
  assert.match(size!, /keeps the 1000 entries .* not director\.connections 4000/);
  assert.match(shortage!, /^The connection table is 95% full \(957 of 1000\)/);
});

test("a shortage is told once, and once that it is over", () => {
  const events = new EventHub(new SimClock(), () => {});
  const teller = new ShortageTeller(events);
  const told = (...counts: number[]): string[] => {
    const before = events.recent().length;
    for (const count of counts) teller.follow({ count, ...SIZE });
    return events
      .recent()
      .slice(before)
      .map(({ level, text }) => `${level} ${text}`);
  };
  assert.deepEqual(told(0, 500, 900), []);
  const [begin, ...more] = told(901, 950, 1000, 899, 905, 800);
  assert.match(begin!, /^warning The connection table is 90% full/);
  assert.deepEqual(more, []);
  const [over] = told(799, 100);
  assert.match(over!, /^info The connection table has room again: it has 799 of 1000/);
  assert.equal(told(1000).length, 1, "the next one is told again");
});
