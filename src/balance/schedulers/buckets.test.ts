import assert from "node:assert/strict";
import { test } from "node:test";
import { SimPool, servers } from "#kit/pool.ts";
import { createDefault, FULL, type SchedulerType } from "../scheduler.ts";
import { schedulerByName } from "./index.ts";

const KEYS = 2000;

const create = (name: string, pool: SimPool, more: object = {}) => {
  const type: SchedulerType = schedulerByName(name)!;
  const plain = Object.entries(type.options).map(([word, field]) => [word, field.fallback]);
  return type.create(pool, { ...Object.fromEntries(plain), ...more } as never, 0);
};

test("keys of a server that may not be picked go on, the others stay", () => {
  for (const name of ["dh", "mh"]) {
    const pool = new SimPool(servers(1, 1, 1, 1));
    const scheduler = createDefault(schedulerByName(name)!, pool);
    const before = Array.from({ length: KEYS }, (_, key) => scheduler.pick(key, 0));
    pool.set(servers(1, 0, 1, 1));
    scheduler.changed();
    for (const [key, owner] of before.entries()) {
      const position = scheduler.pick(key, 0);
      assert.ok(owner === 1 ? position !== 1 : position === owner, name);
    }
  }
});

test("with fallback a key leaves a server that is full; without, it waits for it", () => {
  for (const name of ["sh", "mh"]) {
    const pool = new SimPool(servers(1, 1, 1));
    const [stays, goes] = [create(name, pool), create(name, pool, { fallback: true })];
    const owners = Array.from({ length: KEYS }, (_, key) => stays.pick(key, 0));
    pool.fulls[1] = true;
    const other = owners.map((_, key) => goes.pick(key, 0));
    assert.deepEqual(
      owners.map((_, key) => stays.pick(key, 0)),
      owners,
    );
    assert.ok(other.every((p, key) => (owners[key] === 1 ? p !== 1 && p >= 0 : p === owners[key])));
    pool.fulls.fill(true);
    assert.equal(goes.pick(1, 0), FULL);
  }
});

test("sh has 256 buckets: whoever has none is found when nobody else may be picked", () => {
  const pool = new SimPool(servers(256, 256));
  const scheduler = create("sh", pool);
  for (let key = 0; key < KEYS; key++) assert.equal(scheduler.pick(key, 0), 0);
  pool.set(servers(0, 256));
  scheduler.changed();
  for (let key = 0; key < KEYS; key++) assert.equal(scheduler.pick(key, 0), 1);
});

test("mh: weights of before hold while a server is away, also for one in another place", () => {
  const pool = new SimPool(servers(3, 1));
  const scheduler = create("mh", pool);
  const before = Array.from({ length: KEYS }, (_, key) => scheduler.pick(key, 0));
  const share = before.filter((p) => p === 0).length / KEYS;
  assert.ok(Math.abs(share - 3 / 4) < 0.05, `${share}`);
  pool.set(servers(0, 1));
  scheduler.changed();
  pool.set(servers(3, 1));
  scheduler.changed();
  assert.deepEqual(
    before.map((_, key) => scheduler.pick(key, 0)),
    before,
  );
});
