import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ADMIN, HEALTH, WEIGHT_SCALE } from "#plan/board.ts";
import { evaluate, type Facts, NO_WORDS, type Outcome } from "./evaluate.ts";

const base: Facts = {
  admin: "ready",
  weight: 10,
  maxConnections: 0,
  backup: false,
  slowStartMs: 0,
  adminWanted: undefined,
  weightWanted: undefined,
  limitWanted: undefined,
  forced: undefined,
  active: "up",
  agent: NO_WORDS,
  ejected: false,
  located: true,
  warmSinceMs: undefined,
};

const one = (change: Partial<Facts>, nowMs = 0): Outcome =>
  evaluate([{ ...base, ...change }], false, nowMs).outcomes[0]!;

const agent = (words: Partial<typeof NO_WORDS>) => ({ agent: { ...NO_WORDS, ...words } });

test("each fact alone, and what follows", () => {
  const full = 10 * WEIGHT_SCALE;
  const table: [Partial<Facts>, Partial<Outcome>][] = [
    [{}, { admin: ADMIN.READY, health: HEALTH.UP, weight: 10, effective: full, sticky: 1 }],
    [{ active: "unknown" }, { health: HEALTH.UNKNOWN, effective: full }],
    [{ active: "down" }, { health: HEALTH.DOWN, effective: 0, sticky: 0, weight: 10 }],
    [{ ejected: true }, { health: HEALTH.DOWN, effective: 0, sticky: 0 }],
    [{ located: false }, { health: HEALTH.UP, effective: 0, sticky: 0 }],
    [{ adminWanted: "drain" }, { admin: ADMIN.DRAIN, effective: 0, sticky: 1 }],
    [{ adminWanted: "maint" }, { admin: ADMIN.MAINT, effective: 0, sticky: 0 }],
    [
      { admin: "maint", adminWanted: "ready" },
      { admin: ADMIN.READY, effective: full },
    ],
    [agent({ admin: "drain" }), { admin: ADMIN.DRAIN, effective: 0, sticky: 1 }],
    [{ adminWanted: "maint", ...agent({ admin: "drain" }) }, { admin: ADMIN.MAINT }],
    [agent({ down: true }), { health: HEALTH.DOWN, effective: 0 }],
    [
      { active: "down", forced: "up" },
      { health: HEALTH.UP, effective: full },
    ],
    [{ forced: "down" }, { health: HEALTH.DOWN, effective: 0 }],
    [{ weight: 0 }, { weight: 0, effective: 0, sticky: 1 }],
    [{ weightWanted: { percent: 50 } }, { weight: 5, effective: full / 2 }],
    [{ weightWanted: { absolute: 3 } }, { weight: 3, effective: 3 * WEIGHT_SCALE }],
    [
      { weight: 1, weightWanted: { percent: 1 } },
      { weight: 1, effective: 3 },
    ],
    [{ weightWanted: { percent: 9999 } }, { weight: 256 }],
    [{ weightWanted: { percent: 50 }, ...agent({ weight: { percent: 50 } }) }, { effective: 640 }],
    [{ weightWanted: { percent: 50 }, ...agent({ weight: { absolute: 7 } }) }, { weight: 7 }],
    [{ maxConnections: 5, limitWanted: 9 }, { maxConnections: 9 }],
    [{ maxConnections: 5, limitWanted: 9, ...agent({ maxConnections: 2 }) }, { maxConnections: 2 }],
  ];
  for (const [change, outcome] of table) {
    assert.deepEqual({ ...one(change), ...outcome }, one(change), JSON.stringify(change));
  }
});

test("slow start grows weight and limit from a little to all", () => {
  const warm = { slowStartMs: 1000, warmSinceMs: 0, maxConnections: 40 };
  assert.deepEqual(
    [0, 250, 500, 1000, 2000].map((ms) => one(warm, ms).effective),
    [26, 640, 1280, 2560, 2560],
  );
  assert.deepEqual(
    [0, 250, 1000].map((ms) => one(warm, ms).maxConnections),
    [1, 10, 40],
  );
  assert.equal(one({ ...warm, maxConnections: 0 }, 0).maxConnections, 0, "no limit stays none");
  assert.equal(one(warm, 0).weight, 10, "the weight people see does not move");
});

const used = (servers: Partial<Facts>[], allBackups = false): number[] =>
  evaluate(
    servers.map((change) => ({ ...base, ...change })),
    allBackups,
    0,
  ).outcomes.flatMap(({ effective }, i) => (effective > 0 ? [i] : []));

test("backups serve only while nobody else can: the first, or all of them", () => {
  const down = { active: "down" } as const;
  const backup = { backup: true };
  assert.deepEqual(used([{}, down, backup, backup]), [0]);
  assert.deepEqual(used([down, down, backup, backup]), [2]);
  assert.deepEqual(used([down, down, { ...backup, ...down }, backup]), [3]);
  assert.deepEqual(used([down, down, backup, backup], true), [2, 3]);
  assert.deepEqual(used([{ adminWanted: "drain" }, backup]), [1]);
  assert.deepEqual(used([{ weight: 0 }, backup]), [1]);
});

const anyFacts: fc.Arbitrary<Facts> = fc.record({
  admin: fc.constantFrom("ready", "drain", "maint"),
  weight: fc.integer({ min: 0, max: 256 }),
  maxConnections: fc.integer({ min: 0, max: 1000 }),
  backup: fc.boolean(),
  slowStartMs: fc.constantFrom(0, 1000),
  adminWanted: fc.constantFrom(undefined, "ready", "drain", "maint"),
  weightWanted: fc.constantFrom(undefined, { absolute: 5 }, { percent: 0 }, { percent: 30 }),
  limitWanted: fc.constantFrom(undefined, 0, 7),
  forced: fc.constantFrom(undefined, "up", "down"),
  active: fc.constantFrom("unknown", "up", "down"),
  agent: fc.constantFrom(
    NO_WORDS,
    { ...NO_WORDS, down: true },
    { ...NO_WORDS, admin: "drain" },
    { ...NO_WORDS, weight: { percent: 10 } },
  ),
  ejected: fc.boolean(),
  located: fc.boolean(),
  warmSinceMs: fc.constantFrom(undefined, 0, 600),
});

test("whatever the facts: a server is used only if fit, and a fit one means somebody is used", () => {
  fc.assert(
    fc.property(fc.array(anyFacts, { maxLength: 6 }), fc.boolean(), (servers, allBackups) => {
      const { outcomes, usable, fit } = evaluate(servers, allBackups, 700);
      assert.equal(usable, outcomes.filter((o) => o.effective > 0).length);
      assert.equal(usable > 0, fit > 0);
      for (const [i, o] of outcomes.entries()) {
        const facts = servers[i]!;
        assert.ok(Number.isInteger(o.effective) && o.effective >= 0);
        assert.ok(o.effective <= 256 * WEIGHT_SCALE);
        if (o.effective > 0) {
          assert.ok(o.admin === ADMIN.READY && o.health !== HEALTH.DOWN && facts.located);
          assert.ok(o.sticky === 1 && o.weight > 0);
        }
        const mixed = outcomes.some(
          (p, j) => p.effective > 0 && servers[j]!.backup !== facts.backup,
        );
        assert.ok(o.effective === 0 || !mixed, "never backups beside others");
      }
    }),
  );
});
