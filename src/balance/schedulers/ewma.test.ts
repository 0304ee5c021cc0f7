import assert from "node:assert/strict";
import { test } from "node:test";
import { SimPool, servers } from "#kit/pool.ts";
import { createDefault, type Scheduler } from "../scheduler.ts";
import { ewma } from "./ewma.ts";

/** `count` requests, one a millisecond, each answered at once after its server's latency. */
function serve(pool: SimPool, scheduler: Scheduler, latencyMs: number[], count: number, from = 0) {
  const served = new Array<number>(pool.count).fill(0);
  for (let n = 0; n < count; n++) {
    const position = scheduler.pick(-1, from + n);
    scheduler.taken(position, from + n);
    scheduler.dropped(position, latencyMs[position]!, from + n);
    served[position]!++;
  }
  return served;
}

test("a slow server is avoided, and tried again when its memory has faded", () => {
  const pool = new SimPool(servers(1, 1, 1));
  const scheduler = createDefault(ewma, pool);
  const early = serve(pool, scheduler, [10, 10, 500], 5000);
  assert.ok(early[2]! < 100, `${early}`);
  const later = serve(pool, scheduler, [10, 10, 10], 90_000, 5000);
  assert.ok(later[2]! > 10_000, `${later}`);
});

test("a server that fails at once does not look quick", () => {
  const pool = new SimPool(servers(1, 1));
  const scheduler = createDefault(ewma, pool);
  const served = serve(pool, scheduler, [20, -1], 5000);
  assert.ok(served[1]! < 100, `${served}`);
});

test("load outweighs latency when there is enough of it", () => {
  const pool = new SimPool(servers(1, 1));
  const scheduler = createDefault(ewma, pool);
  serve(pool, scheduler, [10, 20], 100);
  pool.loads.set([9, 0]);
  assert.equal(scheduler.pick(-1, 100), 1);
  pool.loads.set([0, 0]);
  assert.equal(scheduler.pick(-1, 100), 0);
});

test("of two, the one that is not full", () => {
  const pool = new SimPool(servers(1, 1));
  const scheduler = createDefault(ewma, pool);
  serve(pool, scheduler, [10, 500], 100);
  pool.fulls[0] = true;
  for (let n = 0; n < 10; n++) assert.equal(scheduler.pick(-1, 100), 1);
});
