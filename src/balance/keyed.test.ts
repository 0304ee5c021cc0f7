import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { picks, SimPool, servers } from "#kit/pool.ts";
import { createKeyed } from "./keyed.ts";
import { NONE } from "./scheduler.ts";
import { WeightMap } from "./weight-map.ts";

const keyedOver = (pool: SimPool, balanceFactor = 0) =>
  createKeyed(pool, new WeightMap(), balanceFactor, 0);

test("a key goes to the owner of its slot", () => {
  const pool = new SimPool(servers(4, 3, 2));
  const scheduler = keyedOver(pool);
  const order = Array.from({ length: 10 }, (_, key) => pool.names[scheduler.pick(key, 0)]);
  assert.equal(order.join(""), "abcabacbaa");
});

test("requests without a key take turns", () => {
  const pool = new SimPool(servers(1, 1, 1));
  assert.equal(picks(pool, keyedOver(pool), 6), "abcabc");
});

test("the table follows the pool", () => {
  const pool = new SimPool(servers(1, 1));
  const scheduler = keyedOver(pool);
  pool.set(servers(0, 1));
  scheduler.changed();
  assert.equal(scheduler.pick(0, 0), 1);
  pool.set(servers(0, 0, 0));
  scheduler.changed();
  assert.equal(scheduler.pick(0, 0), NONE);
  pool.set(servers(0, 0, 1));
  scheduler.changed();
  assert.equal(scheduler.pick(0, 0), 2);
});

test("over its bound, a server passes the key on to the next slot", () => {
  const pool = new SimPool(servers(1, 1, 1));
  const scheduler = keyedOver(pool, 150);
  // Bounds are ceil(1.5 × (in flight + 1) / 3): 1, 1, 2, 2, 3, 3 …
  const order: string[] = [];
  for (let n = 0; n < 7; n++) {
    const position = scheduler.pick(0, 0);
    pool.loads[position]!++;
    order.push(pool.names[position]!);
  }
  assert.equal(order.join(""), "abababa");
});

test("the bound holds for any loads, and the owner is kept where it has room", () => {
  const state = fc.record({
    servers: fc.array(
      fc.record({ weight: fc.integer({ min: 1, max: 9 }), load: fc.nat({ max: 30 }) }),
      { minLength: 1, maxLength: 40 },
    ),
    key: fc.nat(),
    factor: fc.integer({ min: 101, max: 300 }),
  });
  fc.assert(
    fc.property(state, ({ servers: list, key, factor }) => {
      const pool = new SimPool(list.map((s, i) => ({ ...s, name: `s${i}` })));
      const total = list.reduce((sum, s) => sum + s.weight, 0);
      const bound = (i: number) =>
        Math.ceil(((factor / 100) * (pool.total() + 1) * list[i]!.weight) / total - 1e-9);
      const owner = keyedOver(pool).pick(key, 0);
      const position = keyedOver(pool, factor).pick(key, 0);
      assert.ok(pool.loads[position]! < bound(position) + 1e-9);
      if (pool.loads[owner]! < bound(owner)) assert.equal(position, owner);
    }),
  );
});
