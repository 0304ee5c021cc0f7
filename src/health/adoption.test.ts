import assert from "node:assert/strict";
import { test } from "node:test";
import { testBackend, testCheck, testPlan, testServer } from "#kit/health-plan.ts";
import { FAIL, HealthWorld } from "#kit/health-world.ts";
import { writeAddress } from "#plan/address-cell.ts";
import { ADMIN, HEALTH } from "#plan/board.ts";
import type { BackendPlan, ServerPlan } from "#plan/plan.ts";

const fake = testCheck({ type: { name: "fake", options: {} } });
const a = testServer("a", 0, { weight: 10 });
const b = testServer("b", 1, { weight: 10 });
const plan = (servers: readonly ServerPlan[], change: Partial<BackendPlan> = { check: fake }) =>
  testPlan(testBackend(servers, change));

/** One server down, one drained at weight 50 %. */
function troubled(): HealthWorld {
  const world = new HealthWorld();
  world.apply(plan([a, b]));
  world.answers.set("a", FAIL);
  world.clock.advance(20_000);
  world.health.change("web", "b", {
    admin: "drain",
    weight: { percent: 50 },
    maxConnections: 9,
    force: true,
  });
  world.news();
  return world;
}

const states = (world: HealthWorld, slot: number): number[] =>
  ["ADMIN", "HEALTH", "WEIGHT", "MAX_CONNECTIONS"].map((column) => world.server(slot)[column]!);

test("states survive a reload, and so does the rhythm of the checks", () => {
  const world = troubled();
  const begun = world.begun.length;
  for (let i = 0; i < 50; i++) {
    world.apply(plan([a, b]));
    world.clock.advance(20);
  }
  assert.deepEqual(states(world, 0), [ADMIN.READY, HEALTH.DOWN, 10, 0]);
  assert.deepEqual(states(world, 1), [ADMIN.DRAIN, HEALTH.UP, 5, 9]);
  assert.ok(world.begun.length - begun <= 3, "reloads do not make checks");
  assert.deepEqual(world.news(), []);
});

test("states survive a new engine on the same Board", () => {
  const world = troubled();
  world.health.stop();
  assert.equal(world.clock.pending, 0);
  world.engine();
  world.apply(plan([a, b]));
  assert.deepEqual(states(world, 0), [ADMIN.READY, HEALTH.DOWN, 10, 0]);
  assert.deepEqual(states(world, 1), [ADMIN.DRAIN, HEALTH.UP, 5, 9]);
  assert.deepEqual(world.news(), []);
  world.answers.delete("a");
  world.clock.advance(20_000);
  assert.equal(world.server(0)["HEALTH"], HEALTH.UP);
  assert.ok(world.server(0)["DOWN_MS"]! > 10_000, "the outage began in the engine before");
  world.health.change("web", "b", { admin: null, weight: null, maxConnections: null });
  assert.deepEqual(states(world, 1), [ADMIN.READY, HEALTH.UP, 10, 0]);
});

test("a server in a slot that was another's starts from nothing", () => {
  const world = troubled();
  world.apply(plan([testServer("c", 0), { ...b }]));
  assert.deepEqual(states(world, 0), [ADMIN.READY, HEALTH.UNKNOWN, 1, 0]);
  assert.equal(world.server(0)["DOWNS"], 0);
});

test("an operator's word outlives that the server is removed and added again, for an hour", () => {
  const world = troubled();
  world.apply(plan([a]));
  world.clock.advance(1000);
  world.apply(plan([a, { ...b, slot: 2 }]));
  assert.deepEqual(states(world, 2), [ADMIN.DRAIN, HEALTH.UNKNOWN, 5, 9]);
  world.apply(plan([a]));
  world.clock.advance(3_700_000);
  world.apply(plan([a, { ...b, slot: 3 }]));
  assert.deepEqual(states(world, 3), [ADMIN.READY, HEALTH.UNKNOWN, 10, 0]);
});

test("one that comes back into its old slot later than that is a new server", () => {
  const world = troubled();
  world.apply(plan([b]));
  world.clock.advance(3_700_000);
  world.apply(plan([a, b]));
  assert.deepEqual(states(world, 0), [ADMIN.READY, HEALTH.UNKNOWN, 10, 0]);
});

test("a server that moves to another slot keeps its facts, and leaves no timer behind", () => {
  const world = new HealthWorld();
  const slow = { ...a, slowStartMs: 60_000 };
  world.apply(plan([slow, b]));
  world.health.change("web", "a", { admin: "maint" });
  world.health.change("web", "a", { admin: "ready", weight: 3 });
  world.clock.advance(1000);
  world.apply(plan([{ ...slow, slot: 5 }, b]));
  assert.equal(world.server(5)["WEIGHT"], 3);
  world.health.stop();
  assert.equal(world.clock.pending, 0);
});

test("a reload that changes nothing about a backend does not wake its schedulers", () => {
  const world = new HealthWorld();
  const again = () => {
    world.health.apply(plan([a, b]));
    return world.backend()["EPOCH"]!;
  };
  world.apply(plan([a, b]));
  world.clock.advance(3000);
  const epoch = again();
  assert.equal(again(), epoch);
  writeAddress(world.board, 1, new Uint8Array(16), 0, 16);
  assert.equal(again(), epoch + 1, "a new address is a change");
});

test("the newest word counts: a changed file replaces what the operator had said", () => {
  const world = troubled();
  world.apply(plan([a, { ...b, weight: 20 }]));
  assert.deepEqual(states(world, 1), [ADMIN.DRAIN, HEALTH.UP, 20, 9]);
  world.apply(plan([a, { ...b, weight: 20, admin: "maint" }]));
  assert.equal(world.server(1)["ADMIN"], ADMIN.MAINT);
  world.apply(plan([a, { ...b, weight: 20, maxConnections: 4 }]));
  assert.deepEqual(states(world, 1), [ADMIN.READY, HEALTH.UNKNOWN, 20, 4]);
});

test("without a check any more, what it had said does not hold", () => {
  const world = troubled();
  world.apply(plan([a, b], {}));
  assert.equal(world.server(0)["HEALTH"], HEALTH.UNKNOWN);
  assert.equal(world.server(0)["EFFECTIVE"], 2560);
  assert.equal(world.health.snapshot()[0]!.servers[0]!.check, undefined);
  const begun = world.begun.length;
  world.clock.advance(20_000);
  assert.equal(world.begun.length, begun);
});

test("an agent's maintenance is the agent's in the next engine too", () => {
  const agent = testCheck({ type: { name: "fake-agent", options: {} } });
  const world = new HealthWorld();
  world.answers.set("a agent", {
    ok: true,
    code: "L7OK",
    detail: "maint",
    agent: { admin: "maint" },
  });
  world.apply(plan([a, b], { agent }));
  world.clock.advance(2000);
  world.health.stop();
  world.engine();
  world.apply(plan([a, b], { agent }));
  assert.equal(world.server(0)["ADMIN"], ADMIN.MAINT);
  world.answers.set("a agent", { ok: true, code: "L7OK", detail: "75%", agent: {} });
  world.clock.advance(2000);
  assert.equal(world.server(0)["ADMIN"], ADMIN.READY, "its first answer speaks for itself");
});

test("one whose address is not known yet takes no requests", () => {
  const world = new HealthWorld();
  const named = testServer("a", 0, { address: { kind: "name", host: "a.test", port: 80 } });
  world.apply(plan([named]));
  assert.equal(world.backend()["USABLE"], 0);
  const epoch = world.backend()["EPOCH"]!;
  writeAddress(world.board, 0, new Uint8Array(16), 0, 16);
  world.health.addressChanged(0);
  assert.equal(world.backend()["USABLE"], 1);
  assert.equal(world.backend()["EPOCH"], epoch + 1);
});
