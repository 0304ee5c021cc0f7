import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SimPool, servers } from "#kit/pool.ts";
import { Latencies } from "./latencies.ts";

const DECAY_MS = 1000;

function create(count = 3) {
  const pool = new SimPool(servers(...new Array(count).fill(1)));
  const latencies = new Latencies(pool, DECAY_MS);
  const expected = (position: number, nowMs: number): number => {
    latencies.estimate(position, nowMs);
    return latencies.expectedMs[position]!;
  };
  return { pool, latencies, expected };
}

test("a worse answer counts at once, a better one by the time that passed", () => {
  const { latencies, expected } = create();
  latencies.saw(0, 10, 0);
  assert.equal(expected(0, 0), 10);
  latencies.saw(0, 200, 0);
  assert.equal(expected(0, 0), 200);
  latencies.saw(0, 10, 0);
  assert.equal(expected(0, 0), 200, "no time has passed");
  latencies.saw(0, 10, DECAY_MS);
  assert.ok(Math.abs(expected(0, DECAY_MS) - (10 + (200 / Math.E - 10) / Math.E)) < 1e-9);
});

test("without answers the memory fades, but nobody is taken for instant", () => {
  const { latencies, expected } = create();
  latencies.saw(0, 100, 0);
  assert.ok(Math.abs(expected(0, DECAY_MS) - 100 / Math.E) < 1e-9);
  assert.equal(expected(0, 100 * DECAY_MS), 0.1);
});

test("a failure counts as slow, however quick it was", () => {
  const { latencies, expected } = create();
  latencies.saw(0, -1, 0);
  assert.equal(expected(0, 0), 1000);
  latencies.saw(1, 5000, 0);
  latencies.saw(1, -1, 0);
  assert.equal(expected(1, 0), 5000);
});

test("a server never seen is taken for an average one", () => {
  const { latencies, expected } = create();
  for (let n = 0; n < 200; n++) {
    latencies.saw(0, 40, n);
    latencies.saw(1, 40, n);
  }
  assert.ok(Math.abs(expected(2, 200) - 40) < 1);
});

test("the clock may wrap at 2³¹", () => {
  const { latencies, expected } = create();
  latencies.saw(0, 100, 2 ** 31 - 1);
  assert.ok(Math.abs(expected(0, (2 ** 31 - 1 + DECAY_MS) | 0) - 100 / Math.E) < 1e-9);
});

test("what is known follows the servers; what is new is unknown", () => {
  const { pool, latencies, expected } = create();
  latencies.saw(0, 7, 0);
  latencies.saw(2, 9, 0);
  const [a, , c] = servers(1, 1, 1);
  pool.set([c!, { name: "new", weight: 1 }, a!]);
  latencies.changed();
  latencies.saw(17, 5, 0);
  assert.equal(expected(0, 0), 9);
  assert.equal(expected(2, 0), 7);
  assert.ok(expected(1, 0) > 1 && expected(1, 0) < 9);
});

test("always between the best and the worst answer seen", () => {
  const sample = fc.record({ ms: fc.integer({ min: 1, max: 5000 }), later: fc.nat({ max: 3000 }) });
  fc.assert(
    fc.property(fc.array(sample, { minLength: 1 }), (samples) => {
      const { latencies, expected } = create(1);
      let nowMs = 0;
      for (const { ms, later } of samples) {
        nowMs += later;
        latencies.saw(0, ms, nowMs);
        assert.ok(expected(0, nowMs) >= ms - 1e-9);
      }
      const all = samples.map((s) => s.ms);
      assert.ok(expected(0, nowMs) >= Math.min(...all) - 1e-9);
      assert.ok(expected(0, nowMs) <= Math.max(...all));
    }),
  );
});
