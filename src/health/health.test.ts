import assert from "node:assert/strict";
import { test } from "node:test";
import { testBackend, testCheck, testPlan, testServer } from "#kit/health-plan.ts";
import { FAIL, HealthWorld } from "#kit/health-world.ts";
import { ADMIN, HEALTH, WEIGHT_SCALE } from "#plan/board.ts";
import { CHECK_RESULT } from "#plan/check-result.ts";
import type { BackendPlan, ServerPlan } from "#plan/plan.ts";
import type { AgentReport } from "./check.ts";

const fake = testCheck({ type: { name: "fake", options: {} } });
const fakeAgent = testCheck({ type: { name: "fake-agent", options: {} } });
const a = testServer("a", 0);
const b = testServer("b", 1);
const plan = (servers: readonly ServerPlan[], change: Partial<BackendPlan> = { check: fake }) =>
  testPlan(testBackend(servers, change));

const says = (agent: AgentReport, detail = "") => ({
  ok: agent.health !== "down",
  code: "L7OK" as const,
  detail,
  agent,
});

test("a server goes down after `fall` failures and comes back after `rise`, and the log says so", () => {
  const world = new HealthWorld();
  world.apply(plan([a, b]));
  assert.equal(world.server(0)["HEALTH"], HEALTH.UNKNOWN);
  assert.equal(world.backend()["USABLE"], 2, "unknown counts as up");
  world.clock.advance(600);
  assert.equal(world.server(0)["HEALTH"], HEALTH.UP);
  const epoch = world.backend()["EPOCH"]!;

  world.answers.set("a", FAIL);
  world.clock.advance(4000);
  assert.equal(world.server(0)["HEALTH"], HEALTH.DOWN);
  assert.equal(world.server(0)["EFFECTIVE"], 0);
  assert.equal(world.server(0)["STICKY"], 0);
  assert.equal(world.server(0)["DOWNS"], 1);
  assert.equal(world.server(0)["CHECK_RESULT"], CHECK_RESULT.L4CON);
  assert.equal(world.backend()["USABLE"], 1);
  assert.equal(world.backend()["EPOCH"], epoch + 1);
  assert.deepEqual(world.news(), [
    "Server web/a is DOWN: fake check failed: connection refused, 3 in a row; 1 of 2 servers up",
  ]);

  world.answers.delete("a");
  world.clock.advance(10_000);
  assert.equal(world.server(0)["HEALTH"], HEALTH.UP);
  assert.ok(world.server(0)["DOWN_MS"]! > 4000);
  const [line] = world.news();
  assert.match(
    line!,
    /^Server web\/a is UP: fake check passed: connection accepted, 2 in a row, after \d\.\d s down; 2 of 2/,
  );
  world.health.stop();
  assert.equal(world.clock.pending, 0, "nothing is left behind");
});

test("the backend says when its last server goes and when one comes", () => {
  const world = new HealthWorld();
  world.apply(plan([a]));
  world.answers.set("a", FAIL);
  world.clock.advance(20_000);
  world.answers.delete("a");
  world.clock.advance(20_000);
  assert.deepEqual(
    world.news().map((line) => line.split(":", 1)[0]),
    [
      "Server web/a is DOWN",
      "Backend web has NO SERVER left",
      "Server web/a is UP",
      "Backend web has a server again after 25.5 s",
    ],
  );
});

test("slow start follows a recovery, not the start", () => {
  const world = new HealthWorld();
  const slow = testServer("a", 0, { weight: 10, slowStartMs: 10_000, maxConnections: 100 });
  world.apply(plan([slow, b], { check: { ...fake, rise: 1, fall: 1 } }));
  world.clock.advance(3000);
  assert.equal(world.server(0)["EFFECTIVE"], 10 * WEIGHT_SCALE);
  world.answers.set("a", FAIL);
  world.clock.advance(2000);
  world.answers.delete("a");
  while (world.server(0)["HEALTH"] !== HEALTH.UP) world.clock.advance(10);
  const seen: number[] = [];
  for (let i = 0; i <= 4; i++) {
    seen.push(world.server(0)["EFFECTIVE"]! / WEIGHT_SCALE);
    world.clock.advance(2500);
  }
  assert.deepEqual(seen.map(Math.round), [0, 3, 5, 8, 10]);
  assert.equal(world.server(0)["MAX_CONNECTIONS"], 100);
  assert.equal(world.server(0)["WEIGHT"], 10);
});

test("maintenance stops the checks; leaving it asks at once and knows nothing from before", () => {
  const world = new HealthWorld();
  world.apply(plan([a, b]));
  world.answers.set("a", FAIL);
  world.clock.advance(20_000);
  world.health.change("web", "a", { admin: "maint" });
  assert.equal(world.server(0)["ADMIN"], ADMIN.MAINT);
  const before = world.begun.length;
  world.clock.advance(20_000);
  assert.ok(world.begun.slice(before).every(([name]) => name === "b"));
  world.health.change("web", "a", { admin: "ready" });
  assert.equal(world.server(0)["HEALTH"], HEALTH.UNKNOWN);
  assert.equal(world.server(0)["EFFECTIVE"], WEIGHT_SCALE);
  world.clock.advance(20);
  assert.equal(world.server(0)["HEALTH"], HEALTH.DOWN, "the first check decides");
  assert.deepEqual(
    world.news().map((line) => line.split(";")[0]),
    [
      "Server web/a is DOWN: fake check failed: connection refused, once",
      "Server web/a goes to MAINT: an operator said: maint",
      "Server web/a goes to READY: an operator said: ready",
      "Server web/a is DOWN: fake check failed: connection refused, once",
    ],
  );
});

test("an agent's words: weight, limit, drain, down; silence changes nothing", () => {
  const world = new HealthWorld();
  const servers = [testServer("a", 0, { weight: 100, maxConnections: 50 }), b];
  world.apply(plan(servers, { agent: fakeAgent }));
  const say = (report: AgentReport) => {
    world.answers.set("a agent", says(report, "words"));
    world.clock.advance(10_000);
    return world.server(0);
  };
  assert.equal(say({ weight: { percent: 75 } })["WEIGHT"], 75);
  assert.equal(say({ maxConnections: 7 })["MAX_CONNECTIONS"], 7);
  assert.equal(say({})["WEIGHT"], 75, "what is not said stays");
  assert.equal(say({ admin: "drain" })["ADMIN"], ADMIN.DRAIN);
  assert.equal(say({ health: "up" })["ADMIN"], ADMIN.DRAIN);
  assert.equal(say({ admin: "ready" })["ADMIN"], ADMIN.READY);
  assert.equal(say({ health: "down" })["HEALTH"], HEALTH.DOWN);
  world.answers.set("a agent", FAIL);
  world.clock.advance(60_000);
  assert.equal(world.server(0)["HEALTH"], HEALTH.DOWN, "who cannot be asked has said nothing new");
  assert.equal(say({ health: "up" })["HEALTH"], HEALTH.UNKNOWN);
  assert.ok(
    world.news().includes('Server web/a goes to DRAIN: its agent said "words"; 1 of 2 servers up'),
  );
});

test("an agent lifts its own maintenance, never the operator's", () => {
  const world = new HealthWorld();
  world.apply(plan([a, b], { check: fake, agent: fakeAgent }));
  world.answers.set("a agent", says({ admin: "maint" }));
  world.clock.advance(5000);
  assert.equal(world.server(0)["ADMIN"], ADMIN.MAINT);
  const checks = world.begun.filter(([name]) => name === "a").length;
  world.answers.set("a agent", says({ admin: "ready" }));
  world.health.change("web", "a", { admin: "drain" });
  world.clock.advance(5000);
  assert.equal(world.server(0)["ADMIN"], ADMIN.DRAIN);
  assert.ok(world.begun.filter(([name]) => name === "a").length > checks, "checks go on");
});

test("a health word of the operator holds until the next check", () => {
  const world = new HealthWorld();
  world.apply(plan([a, b]));
  world.clock.advance(3000);
  world.health.change("web", "a", { health: "down" });
  assert.equal(world.server(0)["HEALTH"], HEALTH.DOWN);
  world.clock.advance(2500);
  assert.equal(world.server(0)["HEALTH"], HEALTH.UP);
});

test("sessions end with the server where the backend wants it, or when the operator does", () => {
  const world = new HealthWorld();
  world.apply(plan([a, b], { check: fake, killOnDown: true }));
  world.answers.set("a", FAIL);
  world.clock.advance(20_000);
  assert.deepEqual([world.server(0)["KILL"], world.server(1)["KILL"]], [1, 0]);
  world.health.change("web", "b", { kill: true });
  assert.deepEqual([world.server(0)["KILL"], world.server(1)["KILL"]], [1, 1]);
});

test("the snapshot says in words what is known", () => {
  const world = new HealthWorld();
  world.apply(plan([a, b]));
  world.answers.set("a", FAIL);
  world.clock.advance(20_000);
  const [backend] = world.health.snapshot();
  assert.equal(backend!.usable, 1);
  const [server] = backend!.servers;
  assert.equal(server!.health, "down");
  assert.equal(server!.address, "127.0.0.1:9000");
  assert.equal(server!.check!.detail, "connection refused");
  assert.equal(server!.check!.code, "L4CON");
  assert.ok(server!.check!.streak < -3);
  assert.equal(server!.reason, "fake check failed: connection refused, once");
  assert.ok(server!.downMs > 10_000 && server!.downMs < 20_000);
  assert.doesNotThrow(() => structuredClone(backend));
});
