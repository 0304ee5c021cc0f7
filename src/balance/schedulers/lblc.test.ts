import assert from "node:assert/strict";
import { test } from "node:test";
import { SimPool, servers } from "#kit/pool.ts";
import { PACKET_MEMORY_MS } from "#plan/packet-schedule.ts";
import { createDefault } from "../scheduler.ts";
import { schedulerByName } from "./index.ts";
import { lblc } from "./lblc.ts";
import { lblcr } from "./lblcr.ts";

const world = (name: string, ...weights: number[]) => {
  const pool = new SimPool(servers(...weights));
  return { pool, scheduler: createDefault(schedulerByName(name)!, pool) };
};

test("a key stays where it went first, whatever others would be less loaded", () => {
  for (const name of ["lblc", "lblcr"]) {
    const { pool, scheduler } = world(name, 4, 4, 4);
    assert.equal(scheduler.pick(7, 0), 0);
    pool.loads.set([4, 0, 0]);
    assert.equal(scheduler.pick(7, 0), 0, "as many as its weight are not too many");
    assert.equal(scheduler.pick(8, 0), 1, "a new key goes to the least loaded");
    pool.loads.set([9, 2, 2]);
    assert.equal(scheduler.pick(7, 0), 0, "too many, but nobody has less than half");
  }
});

test("lblc: it moves for good when its server is outweighed, full or gone", () => {
  const { pool, scheduler } = world("lblc", 4, 4, 4);
  assert.equal(scheduler.pick(7, 0), 0);
  pool.loads.set([5, 3, 1]);
  assert.equal(scheduler.pick(7, 0), 2);
  pool.loads.set([0, 0, 0]);
  assert.equal(scheduler.pick(7, 0), 2);
  pool.fulls[2] = true;
  assert.equal(scheduler.pick(7, 0), 0);
  pool.fulls[2] = false;
  pool.set(servers(0, 4, 4));
  scheduler.changed();
  assert.equal(scheduler.pick(7, 0), 1);
});

test("lblcr: it gets another server beside the first, and goes to the less loaded of them", () => {
  const { pool, scheduler } = world("lblcr", 4, 4, 4);
  assert.equal(scheduler.pick(7, 0), 0);
  pool.loads.set([5, 3, 1]);
  assert.equal(scheduler.pick(7, 0), 2);
  pool.loads.set([1, 0, 2]);
  assert.equal(scheduler.pick(7, 0), 0);
  pool.loads.set([3, 0, 2]);
  assert.equal(scheduler.pick(7, 0), 2);
  pool.loads.set([2, 0, 2]);
  assert.equal(scheduler.pick(7, 0), 2, "of equals the one that came last");
});

test("lblcr: a set that has not changed for a day loses its most loaded server", () => {
  const { pool, scheduler } = world("lblcr", 4, 4, 4);
  scheduler.pick(7, 0);
  pool.loads.set([5, 3, 1]);
  scheduler.pick(7, 0);
  pool.loads.set([2, 0, 1]);
  for (let hours = 12; hours <= 36; hours += 12) scheduler.pick(7, hours * 3_600_000);
  assert.ok(36 * 3_600_000 > PACKET_MEMORY_MS);
  pool.loads.set([0, 0, 3]);
  assert.equal(scheduler.pick(7, 36 * 3_600_000 + 1), 2, "the first one is out of the set");
});

test("what is remembered follows servers to other positions", () => {
  for (const type of [lblc, lblcr]) {
    const pool = new SimPool(servers(4, 4, 4));
    const scheduler = createDefault(type, pool);
    pool.loads.set([1, 1, 0]);
    assert.equal(scheduler.pick(7, 0), 2);
    pool.set(servers(4, 4, 4).toReversed());
    scheduler.changed();
    assert.equal(scheduler.pick(7, 0), 0, type.name);
    pool.set(servers(4, 4));
    scheduler.changed();
    assert.equal(scheduler.pick(7, 0), 0, "c is gone, so anew");
    pool.loads.set([1, 0]);
    assert.equal(scheduler.pick(7, 0), 0);
  }
});

test("a request without a key goes as by wlc and is not remembered", () => {
  const { pool, scheduler } = world("lblc", 4, 4);
  assert.equal(scheduler.pick(-1, 0), 0);
  pool.loads.set([1, 0]);
  assert.equal(scheduler.pick(-1, 0), 1);
});
