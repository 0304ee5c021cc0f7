import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SimPool, servers } from "#kit/pool.ts";
import { PacketPool } from "../packet-pool.ts";
import { FULL, NONE } from "../scheduler.ts";
import type { Walk } from "../walk.ts";
import { walkFo } from "./fo.ts";
import { walkLc } from "./lc.ts";
import { walkNq } from "./nq.ts";
import { walkOvf } from "./ovf.ts";
import { walkSed } from "./sed.ts";
import { createRoom, walkTwos } from "./twos.ts";
import { walkWlc } from "./wlc.ts";

interface Facts {
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
  readonly full: boolean;
}

const facts = fc.record({
  weight: fc.oneof(fc.nat({ max: 4 }), fc.constantFrom(255, 65_535)),
  active: fc.oneof(fc.nat({ max: 6 }), fc.constant(1_000_000)),
  inactive: fc.nat({ max: 600 }),
  full: fc.boolean(),
});

function poolOf(list: readonly Facts[]): PacketPool {
  const pool = new PacketPool(list.map(({ weight }, identity) => ({ weight, identity })));
  pool.state = {
    active: Int32Array.from(list, (s) => s.active),
    inactive: Int32Array.from(list, (s) => s.inactive),
    overloaded: Uint8Array.from(list, (s) => Number(s.full)),
  };
  return pool;
}

const loadOf = (s: Facts): bigint => BigInt(s.active * 256 + s.inactive);

/** The first of the servers for which no other is better, among those with `may`. */
function naive(
  list: readonly Facts[],
  better: (a: Facts, b: Facts) => boolean,
  may: (s: Facts) => boolean = () => true,
): number {
  const eligible = list.filter((s) => s.weight > 0);
  if (eligible.length === 0) return NONE;
  const candidates = eligible.filter((s) => !s.full && may(s));
  const best = candidates.find((s) => !candidates.some((other) => better(other, s)));
  return best ? list.indexOf(best) : FULL;
}

const quicker = (a: Facts, b: Facts): boolean =>
  BigInt(a.active + 1) * BigInt(b.weight) < BigInt(b.active + 1) * BigInt(a.weight);

const cases: readonly (readonly [string, Walk, (list: readonly Facts[]) => number])[] = [
  ["lc", walkLc, (list) => naive(list, (a, b) => loadOf(a) < loadOf(b))],
  [
    "wlc",
    walkWlc,
    (list) => naive(list, (a, b) => loadOf(a) * BigInt(b.weight) < loadOf(b) * BigInt(a.weight)),
  ],
  ["sed", walkSed, (list) => naive(list, quicker)],
  [
    "nq",
    walkNq,
    (list) => {
      const idle = list.findIndex((s) => s.weight > 0 && !s.full && s.active === 0);
      return idle >= 0 ? idle : naive(list, quicker);
    },
  ],
  ["fo", walkFo, (list) => naive(list, (a, b) => a.weight > b.weight)],
  [
    "ovf",
    walkOvf,
    (list) =>
      naive(
        list,
        (a, b) => a.weight > b.weight,
        (s) => s.active <= s.weight,
      ),
  ],
];

for (const [name, walk, expected] of cases) {
  test(`${name}: the first of the best`, () => {
    fc.assert(
      fc.property(fc.array(facts, { maxLength: 12 }), (list) => {
        assert.equal(walk(poolOf(list)), expected(list));
      }),
      { numRuns: 300 },
    );
  });
}

const at = (...list: (readonly [weight: number, active: number, inactive?: number])[]) =>
  poolOf(list.map(([weight, active, inactive = 0]) => ({ weight, active, inactive, full: false })));

test("known choices", () => {
  assert.equal(walkLc(at([1, 2], [9, 2], [1, 1, 256])), 0, "256 idle weigh as one at work");
  assert.equal(walkLc(at([1, 2], [9, 2], [1, 1, 255])), 2);
  assert.equal(walkWlc(at([1, 1], [3, 3], [3, 2])), 2);
  assert.equal(walkWlc(at([1, 0], [3, 0])), 0);
  assert.equal(walkSed(at([1, 0], [3, 0])), 1, "one more is less to the heavier");
  assert.equal(walkSed(at([1, 0, 9000], [3, 3])), 0, "idle connections do not count");
  assert.equal(walkNq(at([9, 1], [1, 0], [3, 0])), 1);
  assert.equal(walkFo(at([1, 0], [3, 99], [3, 0])), 1);
  assert.equal(walkOvf(at([1, 0], [3, 3], [2, 0])), 1, "as many as its weight: one more");
  assert.equal(walkOvf(at([1, 0], [3, 4], [2, 0])), 2);
  assert.equal(walkOvf(at([1, 2], [3, 4])), FULL);
});

test("requests have no idle connections, and weights between two whole ones count", () => {
  const pool = new SimPool(servers(1, 1));
  pool.weight[1] = 100;
  pool.loads.set([1, 0]);
  assert.equal(walkOvf(pool), 0);
  pool.loads.set([1, 1]);
  assert.equal(walkWlc(pool), 0);
});

const twosOf = (pool: PacketPool, first: number, second: number): number =>
  walkTwos(pool, first, second, createRoom(pool));

test("two draws: whose sum of weights reaches the number, and the less loaded of them", () => {
  const pool = at([1, 0], [2, 0], [3, 0]);
  // Numbers 0 to 6: a a b b c c c.
  const drawn = Array.from({ length: 8 }, (_, n) => twosOf(pool, n, n));
  assert.deepEqual(drawn, [0, 0, 1, 1, 2, 2, 2, 0]);
  const loaded = at([1, 2], [2, 3], [3, 9]);
  assert.equal(twosOf(loaded, 0, 2), 1, "3 of 2 is less than 2 of 1");
  assert.equal(twosOf(loaded, 2, 5), 1);
  assert.equal(twosOf(at([1, 1], [2, 2]), 0, 2), 0, "of equals the first drawn");
  assert.equal(twosOf(at([1, 1], [2, 2]), 2, 0), 1);
  assert.equal(twosOf(at([0, 0]), 1, 1), NONE);
});
