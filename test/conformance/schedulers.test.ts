import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { FULL, NONE, type Scheduler, type SchedulerType } from "#balance/scheduler.ts";
import { schedulerByName, schedulers } from "#balance/schedulers/index.ts";
import { mix32 } from "#base/hash.ts";
import { allocatedBytes } from "#kit/heap.ts";
import { SimPool, type SimServer, servers } from "#kit/pool.ts";
import { WEIGHT_SCALE } from "#plan/board.ts";
import { fallbacks } from "#schema/index.ts";

type Options = Readonly<Record<string, unknown>>;

interface Variant {
  readonly title: string;
  readonly type: SchedulerType;
  readonly options: Options;
}

/** Every scheduler with its options at their defaults, and with each word of its one-of options. */
const variants: Variant[] = schedulers.flatMap((type: SchedulerType) => {
  const options: Options = fallbacks(type.options);
  const others = Object.entries(type.options).flatMap(([keyword, field]) => {
    const words = (field.jsonSchema()["enum"] ?? []) as unknown[];
    return words
      .filter((word) => word !== field.fallback)
      .map((word) => ({
        title: `${type.name}, ${keyword} ${word}`,
        type,
        options: { ...options, [keyword]: word },
      }));
  });
  return [{ title: type.name, type, options }, ...others];
});

const create = (variant: Variant, pool: SimPool, seed = 0): Scheduler =>
  variant.type.create(pool, variant.options, seed);

/** Key of the n-th request: spread like real keys, or none for a scheduler that takes none. */
const keyOf = (type: SchedulerType, n: number): number => (type.key ? mix32(n + 77) >>> 1 : -1);

/** Picks for requests 0 … count-1, each staying in flight while `concurrency` others begin. */
function serve(variant: Variant, pool: SimPool, count: number, concurrency: number, seed = 0) {
  const scheduler = create(variant, pool, seed);
  const flying: number[] = [];
  const served = new Array<number>(pool.count).fill(0);
  for (let n = 0; n < count; n++) {
    if (flying.length === concurrency) {
      const done = flying.shift()!;
      pool.loads[done]!--;
      scheduler.dropped(done, 20, n);
    }
    const position = scheduler.pick(keyOf(variant.type, n), n);
    scheduler.taken(position, n);
    pool.loads[position]!++;
    served[position]!++;
    flying.push(position);
  }
  return served;
}

/** The server may be given a request: it is not full, nor is its weight used up if that counts. */
function hasRoom({ type, options }: Variant, pool: SimPool, i: number): boolean {
  if (pool.fulls[i]) return false;
  return type.weights(options) !== "capacity" || pool.loads[i]! * WEIGHT_SCALE <= pool.weight[i]!;
}

/** Which server each of `count` keys belongs to while nothing is in flight. */
function owners(variant: Variant, pool: SimPool, scheduler: Scheduler, count = 5000): string[] {
  return Array.from({ length: count }, (_, n) => {
    return pool.names[scheduler.pick(keyOf(variant.type, n), 0)]!;
  });
}

const server = fc.record({
  weight: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 9 }), fc.constant(256)),
  load: fc.nat({ max: 50 }),
  full: fc.boolean(),
  rate: fc.nat({ max: 100 }),
});
const named = (list: readonly Omit<SimServer, "name">[]): SimServer[] =>
  list.map((s, i) => ({ ...s, name: `server-${i}` }));

test("every scheduler has a name of its own, by which it is found", () => {
  assert.ok(schedulers.length >= 26);
  assert.equal(new Set(schedulers.map((s) => s.name)).size, schedulers.length);
  for (const type of schedulers) assert.equal(schedulerByName(type.name), type);
  assert.equal(schedulerByName("nobody"), undefined);
});

/** Declares a test only for the members it has a meaning for. */
const where = (holds: boolean): ((title: string, run: () => void) => void) =>
  holds ? (title, run) => void test(title, run) : () => {};

for (const variant of variants) {
  const { title, type, options } = variant;
  const weights = type.weights(options);
  const isShared = weights === "live" || weights === "static";

  describe(title, () => {
    test("picks only who may be picked, whatever happens to the pool", () => {
      const states = fc.array(fc.array(server, { maxLength: 12 }), { minLength: 1, maxLength: 6 });
      fc.assert(
        fc.property(states, fc.nat({ max: 9 }), (list, seed) => {
          const pool = new SimPool([]);
          const scheduler = create(variant, pool, seed);
          assert.equal(scheduler.pick(-1, 0), NONE);
          for (const [turn, state] of list.entries()) {
            pool.set(named(state));
            scheduler.changed();
            const eligible = [...pool.weight.keys()].filter((i) => pool.weight[i]! > 0);
            const free = eligible.filter((i) => hasRoom(variant, pool, i));
            const without = eligible.length === 0 ? [NONE] : free.length === 0 ? [FULL] : free;
            const withKey = type.key ? [...eligible, ...without.filter((p) => p < 0)] : without;
            for (let n = 0; n < 20; n++) {
              const plain = scheduler.pick(-1, turn);
              assert.ok(without.includes(plain), `${plain} of ${without}`);
              const keyed = scheduler.pick(mix32(n) >>> 1, turn);
              assert.ok(withKey.includes(keyed), `${keyed} of ${withKey}`);
              for (const position of [plain, keyed].filter((p) => p >= 0)) {
                scheduler.taken(position, turn);
                scheduler.dropped(position, n % 3 === 0 ? -1 : n, turn);
              }
            }
          }
        }),
        { numRuns: 25 },
      );
    });

    test("gives everything to the only server", () => {
      assert.deepEqual(serve(variant, new SimPool(servers(0, 3, 0)), 100, 4), [0, 100, 0]);
    });

    test("a server that is full, or to be avoided, is left out of requests without a key", () => {
      const pool = new SimPool(servers(1, 1, 1));
      pool.fulls[0] = true;
      const scheduler = create(variant, pool);
      for (let n = 0; n < 50; n++) assert.notEqual(scheduler.pick(-1, 0), 0);
    });

    where(isShared)("weights hold in the long run", () => {
      const list = [1, 2, 0, 5, 4];
      const served = serve(variant, new SimPool(servers(...list)), 24_000, 36);
      for (const [i, weight] of list.entries()) {
        const share = weight / 12;
        const got = served[i]! / 24_000;
        assert.ok(Math.abs(got - share) <= 0.3 * share, `${got} for ${share}: ${served}`);
      }
    });

    where(isShared)("a new weight holds from the change on", () => {
      const pool = new SimPool(servers(1, 1, 1, 1));
      serve(variant, pool, 1000, 20);
      pool.set(servers(6, 1, 1, 0));
      const served = serve(variant, pool, 8000, 20);
      const got = served[0]! / 8000;
      assert.ok(got > 0.65 && got < 0.85, `${served}`);
      assert.equal(served[3], 0);
    });

    test("the same seed gives the same picks", () => {
      const run = (seed: number) => serve(variant, new SimPool(servers(3, 2, 1, 1)), 500, 7, seed);
      assert.deepEqual(run(1), run(1));
      const sequence = () => {
        const pool = new SimPool(servers(3, 2, 1, 1));
        const scheduler = create(variant, pool, 5);
        return Array.from({ length: 200 }, (_, n) => scheduler.pick(keyOf(type, n), 0));
      };
      assert.deepEqual(sequence(), sequence());
    });

    test("picks allocate nothing", () => {
      const pool = new SimPool(servers(3, 2, 1, 1, 7));
      const scheduler = create(variant, pool);
      const run = (count: number) => {
        for (let n = 0; n < count; n++) {
          const key = (n & 3) === 0 ? -1 : Math.imul(n, 0x9e3779b9) >>> 1;
          const position = scheduler.pick(key, n & 0xffff);
          scheduler.taken(position, n & 0xffff);
          pool.loads[position] = n & 7;
          scheduler.dropped(position, 20, n & 0xffff);
        }
      };
      run(100_000);
      const bytes = allocatedBytes(() => run(1_000_000), 100_000);
      assert.ok(bytes < 100_000, `${bytes} bytes for a million picks`);
    });
  });

  if (type.key === undefined) continue;
  describe(`${title}: keys`, () => {
    test("a key's server depends neither on the seed nor on the order of servers", () => {
      const list = servers(3, 2, 1, 4);
      const pool = new SimPool(list);
      const wanted = owners(variant, pool, create(variant, pool, 0));
      assert.deepEqual(owners(variant, pool, create(variant, pool, 9)), wanted);
      if (weights === "static" || type.keyBasis !== undefined) return;
      const other = new SimPool(list.toReversed());
      assert.deepEqual(owners(variant, other, create(variant, other)), wanted);
    });

    test("a server that is full keeps its keys", () => {
      const pool = new SimPool(servers(1, 1, 1));
      const scheduler = create(variant, pool);
      const wanted = owners(variant, pool, scheduler);
      pool.fulls[1] = true;
      assert.deepEqual(owners(variant, pool, scheduler), wanted);
    });

    where(weights !== "static")("hardly any keys move but those of the server that goes", () => {
      const list = servers(2, 1, 3, 1, 2, 1);
      const pool = new SimPool(list);
      const scheduler = create(variant, pool);
      const before = owners(variant, pool, scheduler);
      pool.set(list.with(2, { ...list[2]!, weight: 0 }));
      scheduler.changed();
      const without = owners(variant, pool, scheduler);
      const moved = before.filter((name, n) => name !== "c" && name !== without[n]).length;
      assert.ok(moved <= before.length * 0.05, `${moved} of ${before.length} keys of others moved`);
      pool.set(list);
      scheduler.changed();
      assert.deepEqual(owners(variant, pool, scheduler), before, "and all come back");
    });

    const bounded = type.options["balanceFactor"] !== undefined;
    where(bounded)("bounded load holds for one hot key", () => {
      const weightsOf = [1, 2, 3, 0, 4];
      const pool = new SimPool(servers(...weightsOf));
      const scheduler = type.create(pool, { ...options, balanceFactor: 125 }, 0);
      for (let total = 0; total < 400; total++) {
        const position = scheduler.pick(mix32(total % 2) >>> 1, 0);
        pool.loads[position]!++;
        const bound = Math.ceil((1.25 * (total + 1) * weightsOf[position]!) / 10);
        assert.ok(pool.loads[position]! <= bound, `${pool.loads[position]} over ${bound}`);
      }
    });
  });
}
