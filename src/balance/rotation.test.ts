import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { picks, SimPool, type SimServer, servers } from "#kit/pool.ts";
import { Rotation } from "./rotation.ts";
import { FULL, NONE } from "./scheduler.ts";

/**
 * Smooth weighted round robin as everybody writes it: one credit a server, full ones earn nothing.
 */
class NaiveRotation {
  readonly pool: SimPool;
  readonly credit: number[];

  constructor(pool: SimPool) {
    this.pool = pool;
    this.credit = new Array(pool.count).fill(0);
  }

  pick(): number {
    let best = NONE;
    let earned = 0;
    // Heaviest first, because that is who serves first among equals.
    const order = [...this.pool.weight.keys()].sort(
      (a, b) => this.pool.weight[b]! - this.pool.weight[a]! || a - b,
    );
    for (const i of order.filter((i) => this.pool.weight[i]! > 0)) {
      if (best === NONE) best = FULL;
      if (this.pool.full(i)) continue;
      this.credit[i]! += this.pool.weight[i]!;
      earned += this.pool.weight[i]!;
      if (best < 0 || this.credit[i]! > this.credit[best]!) best = i;
    }
    if (best >= 0) this.credit[best]! -= earned;
    return best;
  }
}

const rotate = (weights: number[], count: number, seed = 0): string => {
  const pool = new SimPool(servers(...weights));
  return picks(pool, new Rotation(pool, seed), count);
};

test("known orders", () => {
  assert.equal(rotate([4, 3, 2], 9), "abcabacba");
  assert.equal(rotate([1, 1, 1], 7), "abcabca");
  assert.equal(rotate([5, 1, 1], 7), "abaaaca");
  assert.equal(rotate([2, 1], 6), "abaaba");
  assert.equal(rotate([3, 0, 1], 8), "aacaaaca");
  assert.equal(rotate([1], 3), "aaa");
});

test("threads with different seeds begin with different servers", () => {
  assert.equal(rotate([1, 1, 1], 3, 1), "bca");
  assert.equal(rotate([1, 1, 1], 3, 5), "cab");
  assert.equal(rotate([1, 1, 1], 3, -1), "cab");
});

test("distinct weights: the same picks as one credit a server, full servers included", () => {
  const weights = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 });
  const fulls = fc.array(fc.nat({ max: 255 }), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(weights, fulls, (list, masks) => {
      const pool = new SimPool(servers(...list));
      const rotation = new Rotation(pool, 0);
      const naive = new NaiveRotation(pool);
      for (const mask of masks) {
        pool.fulls = list.map((_, i) => ((mask >> i) & 1) === 1);
        for (let n = 0; n < 5; n++) assert.equal(rotation.pick(), naive.pick());
      }
    }),
  );
});

test("any weights: exact over a whole cycle, and never two turns from what is due", () => {
  const weights = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(weights, fc.nat({ max: 20 }), (list, seed) => {
      const pool = new SimPool(servers(...list));
      const rotation = new Rotation(pool, seed);
      const total = list.reduce((sum, weight) => sum + weight, 0);
      const served = new Array<number>(list.length).fill(0);
      for (let n = 1; n <= total; n++) {
        served[rotation.pick()]!++;
        for (const [i, weight] of list.entries()) {
          assert.ok(Math.abs(served[i]! - (n * weight) / total) < 2);
        }
      }
      assert.deepEqual(served, list);
    }),
  );
});

test("changes neither bunch nor starve", () => {
  const pool = new SimPool(servers(1, 1, 1, 1));
  const rotation = new Rotation(pool, 0);
  let order = "";
  for (let n = 0; n < 100; n++) {
    // A weight nobody cares about flaps before every pick.
    pool.set([...servers(1, 1, 1, 1), { name: "z", weight: n % 2 === 0 ? 0 : 0.01 }]);
    rotation.changed();
    order += pool.names[rotation.pick()];
  }
  const rest = order.replaceAll("z", "");
  assert.match(rest, /^(abcd)+a?b?c?$/);
});

test("a light server gets its share though weights change before it is its turn", () => {
  const pool = new SimPool([]);
  const rotation = new Rotation(pool, 0);
  const served = [0, 0, 0];
  for (let n = 0; n < 4000; n++) {
    if (n % 10 === 0) {
      pool.set(servers(1, 50 + (n % 20) / 10, 49));
      rotation.changed();
    }
    served[rotation.pick()]!++;
  }
  assert.ok(served[0]! >= 36 && served[0]! <= 44, `${served}`);
});

test("a server that comes back waits for its turn, and gets no more than that", () => {
  const pool = new SimPool(servers(1, 1, 1));
  const rotation = new Rotation(pool, 0);
  picks(pool, rotation, 4);
  pool.set(servers(1, 0, 1));
  rotation.changed();
  picks(pool, rotation, 31);
  pool.set(servers(1, 1, 1));
  rotation.changed();
  const order = picks(pool, rotation, 9);
  assert.ok(["bacbacbac", "bcabcabca"].includes(order), order);
});

test("turns follow the servers when their positions move", () => {
  const pool = new SimPool(servers(1, 1, 1, 1));
  const rotation = new Rotation(pool, 0);
  assert.equal(picks(pool, rotation, 2), "ab");
  const list: SimServer[] = servers(1, 1, 1, 1);
  pool.set([list[3]!, list[1]!, { name: "new", weight: 1 }, list[2]!]);
  rotation.changed();
  assert.equal(picks(pool, rotation, 4), "cdbnew");
});
