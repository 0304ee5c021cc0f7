import assert from "node:assert/strict";
import { test } from "node:test";
import { picks, SimPool, servers } from "#kit/pool.ts";
import { createDefault } from "../scheduler.ts";
import { staticRoundRobin } from "./static-rr.ts";

test("walks round the table, from where the seed says", () => {
  const pool = new SimPool(servers(4, 3, 2));
  assert.equal(picks(pool, createDefault(staticRoundRobin, pool), 10), "abcabacbaa");
  assert.equal(picks(pool, createDefault(staticRoundRobin, pool, 2), 9), "cabacbaab");
});

test("a server that comes back is in turn at once", () => {
  const pool = new SimPool(servers(1, 0, 1));
  const scheduler = createDefault(staticRoundRobin, pool);
  assert.equal(picks(pool, scheduler, 5), "acaca");
  pool.set(servers(1, 1, 1));
  scheduler.changed();
  assert.equal(picks(pool, scheduler, 4), "bcab");
});

test("who is full is passed over, and found though the table is long", () => {
  const pool = new SimPool(servers(255, 1));
  pool.fulls[0] = true;
  const scheduler = createDefault(staticRoundRobin, pool);
  assert.equal(picks(pool, scheduler, 3), "bbb");
});
