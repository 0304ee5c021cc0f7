import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mix32 } from "#base/hash.ts";
import { SimPool, type SimServer, servers } from "#kit/pool.ts";
import { Eligible } from "./eligible.ts";
import { RING_MOST, RingTable } from "./ring-table.ts";

function ringOf(list: readonly SimServer[], perUnit = 128) {
  const pool = new SimPool(list);
  const ring = new RingTable(perUnit);
  ring.build(new Eligible(pool));
  const owner = (key: number): string => pool.names[ring.owner[ring.slotOf(key)]!]!;
  return { ring, owner };
}

/** The nearest point at or after the key, looked for the long way. */
function naiveOwner(list: readonly SimServer[], perUnit: number, key: number): string {
  const pool = new SimPool(list);
  const points = list.flatMap((server, i) =>
    Array.from({ length: Math.max(1, Math.round(server.weight * perUnit)) }, (_, n) => ({
      at: mix32(pool.identity[i]! + Math.imul(n, 0x9e3779b9)) >>> 1,
      name: server.name,
    })),
  );
  points.sort((a, b) => a.at - b.at);
  return (points.find((point) => point.at >= key) ?? points[0]!).name;
}

const keys = Array.from({ length: 20_000 }, (_, n) => mix32(n) >>> 1);

test("a key belongs to the nearest point at or after it, and round the end to the first", () => {
  const key = fc.oneof(fc.nat({ max: 2 ** 31 - 1 }), fc.constantFrom(0, 1, 2 ** 31 - 1));
  const weights = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 20 }), fc.array(key), (list, perUnit, some) => {
      const { owner } = ringOf(servers(...list), perUnit);
      for (const k of some) assert.equal(owner(k), naiveOwner(servers(...list), perUnit, k));
    }),
  );
});

test("only the keys of a server that goes move, and only keys to it when it comes", () => {
  const list = servers(1, 1, 3, 1, 1);
  const before = ringOf(list).owner;
  const after = ringOf(list.filter((server) => server.name !== "c")).owner;
  let moved = 0;
  for (const key of keys) {
    if (before(key) === "c") moved++;
    else assert.equal(after(key), before(key));
  }
  assert.ok(Math.abs(moved / keys.length - 3 / 7) < 0.08, `${moved}`);
});

test("more weight only takes keys from others, less only gives them", () => {
  const light = ringOf(servers(1, 1, 1)).owner;
  const heavy = ringOf(servers(1, 2.5, 1)).owner;
  for (const key of keys) {
    if (light(key) !== heavy(key)) assert.equal(heavy(key), "b");
  }
});

test("shares are even within some standard deviations of a ring of 128 points each", () => {
  const list = servers(...new Array(10).fill(1));
  const { owner } = ringOf(list);
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(owner(key), (counts.get(owner(key)) ?? 0) + 1);
  for (const count of counts.values()) {
    assert.ok(Math.abs(count / (keys.length / 10) - 1) < 0.35, `${[...counts]}`);
  }
});

test("a ring that would be too large has fewer points, the same parts", () => {
  const { ring } = ringOf(servers(256, 256, 128, 256));
  assert.ok(ring.size <= RING_MOST && ring.size > RING_MOST / 4, `${ring.size}`);
  const counts = [0, 0, 0, 0];
  for (const position of ring.owner) counts[position]!++;
  assert.deepEqual(
    counts,
    [2, 2, 1, 2].map((part) => (ring.size * part) / 7),
  );
});

test("nobody, then somebody, then nobody", () => {
  const pool = new SimPool([]);
  const ring = new RingTable(128);
  const eligible = new Eligible(pool);
  ring.build(eligible);
  assert.equal(ring.size, 0);
  pool.set(servers(1));
  eligible.changed();
  ring.build(eligible);
  assert.equal(ring.size, 128);
  assert.equal(ring.owner[ring.slotOf(12345)], 0);
});
