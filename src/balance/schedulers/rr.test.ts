import assert from "node:assert/strict";
import { test } from "node:test";
import { picks, SimPool, servers } from "#kit/pool.ts";
import { createDefault } from "../scheduler.ts";
import { rr } from "./rr.ts";

test("in turn, whatever the weights, from where the seed says", () => {
  const pool = new SimPool(servers(9, 1, 0, 3));
  assert.equal(picks(pool, createDefault(rr, pool), 5), "abdab");
  assert.equal(picks(pool, createDefault(rr, pool, 2), 4), "dabd");
});

test("the turn goes on after a change; who is full is passed over", () => {
  const pool = new SimPool(servers(1, 1, 1, 1));
  const scheduler = createDefault(rr, pool);
  assert.equal(picks(pool, scheduler, 2), "ab");
  pool.set(servers(1, 1, 0, 1));
  scheduler.changed();
  assert.equal(picks(pool, scheduler, 3), "dab");
  pool.set(servers(1, 1, 1, 1));
  scheduler.changed();
  assert.equal(picks(pool, scheduler, 3), "dab");
  pool.fulls[2] = true;
  assert.equal(picks(pool, scheduler, 2), "da");
});
