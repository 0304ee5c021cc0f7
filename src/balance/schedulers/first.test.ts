import assert from "node:assert/strict";
import { test } from "node:test";
import { SimPool, servers } from "#kit/pool.ts";
import { createDefault, FULL, NONE } from "../scheduler.ts";
import { first } from "./first.ts";

test("the first with a free slot, whatever the weights", () => {
  const pool = new SimPool(servers(0, 1, 200));
  const scheduler = createDefault(first, pool);
  assert.equal(scheduler.pick(-1, 0), 1);
  assert.equal(scheduler.pick(-1, 0), 1);
  pool.fulls[1] = true;
  assert.equal(scheduler.pick(-1, 0), 2);
  pool.fulls[2] = true;
  assert.equal(scheduler.pick(-1, 0), FULL);
  pool.set(servers(0, 0));
  assert.equal(scheduler.pick(-1, 0), NONE);
});
