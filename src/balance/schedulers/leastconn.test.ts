import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { picks, SimPool, servers } from "#kit/pool.ts";
import { createDefault } from "../scheduler.ts";
import { leastconn } from "./leastconn.ts";

const loaded = (list: readonly (readonly [weight: number, load: number])[]): SimPool =>
  new SimPool(list.map(([weight, load], i) => ({ name: `s${i}`, weight, load })));

const pickOf = (...list: (readonly [weight: number, load: number])[]): number =>
  createDefault(leastconn, loaded(list)).pick(-1, 0);

test("known choices", () => {
  assert.equal(pickOf([1, 3], [1, 2], [1, 4]), 1);
  assert.equal(pickOf([4, 6], [1, 2]), 0, "7 of 4 is less than 3 of 1");
  assert.equal(pickOf([100, 1], [1, 0]), 1, "an idle server comes first, whatever its weight");
  assert.equal(pickOf([0, 0], [1, 9]), 1);
});

test("equals take turns, and the turn goes on after a change", () => {
  const pool = new SimPool(servers(1, 1, 1, 1));
  const scheduler = createDefault(leastconn, pool);
  assert.equal(picks(pool, scheduler, 6), "abcdab");
  pool.set(servers(1, 1, 0, 1));
  scheduler.changed();
  assert.equal(picks(pool, scheduler, 4), "dabd");
});

test("threads with different seeds begin with different servers", () => {
  const pool = new SimPool(servers(1, 1, 1));
  assert.equal(picks(pool, createDefault(leastconn, pool, 2), 4), "cabc");
});

test("always one with the fewest for its weight among the free", () => {
  const server = fc.record({
    weight: fc.integer({ min: 1, max: 9 }),
    load: fc.nat({ max: 20 }),
    full: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(server, { minLength: 1, maxLength: 20 }), fc.nat(), (list, seed) => {
      const pool = new SimPool(list.map((s, i) => ({ ...s, name: `s${i}` })));
      const position = createDefault(leastconn, pool, seed).pick(-1, 0);
      const cost = (i: number) => (list[i]!.load === 0 ? 0 : (list[i]!.load + 1) / list[i]!.weight);
      const free = list.map((s, i) => (s.full ? Number.POSITIVE_INFINITY : cost(i)));
      if (position >= 0) assert.equal(cost(position), Math.min(...free));
      else assert.ok(list.every((s) => s.full));
    }),
  );
});

test("in a large pool nobody gets far from the least, and an idle server is soon found", () => {
  const pool = new SimPool(servers(...new Array(1000).fill(1)));
  pool.loads.fill(10);
  const scheduler = createDefault(leastconn, pool);
  pool.loads[777] = 0;
  let tries = 0;
  while (scheduler.pick(-1, 0) !== 777) tries++;
  assert.ok(tries < 200, `${tries}`);
  pool.loads[777] = 10;
  for (let n = 0; n < 10_000; n++) pool.loads[scheduler.pick(-1, 0)]!++;
  const spread = Math.max(...pool.loads) - Math.min(...pool.loads);
  assert.ok(spread <= 3, `${spread}`);
});

test("in a large pool that is full but for one server, that one is found", () => {
  const pool = new SimPool(servers(...new Array(1000).fill(1)));
  pool.fulls.fill(true);
  pool.fulls[500] = false;
  const scheduler = createDefault(leastconn, pool);
  for (let n = 0; n < 20; n++) assert.equal(scheduler.pick(-1, 0), 500);
});
