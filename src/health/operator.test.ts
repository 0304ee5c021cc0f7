import assert from "node:assert/strict";
import { test } from "node:test";
import type { WeirError } from "#base/errors.ts";
import { testBackend, testPlan, testServer } from "#kit/health-plan.ts";
import { HealthWorld } from "#kit/health-world.ts";
import { ADMIN } from "#plan/board.ts";
import type { ServerOrder } from "./operator.ts";

function world(): HealthWorld {
  const w = new HealthWorld();
  const servers = [testServer("a", 0, { weight: 10 }), testServer("b", 1, { weight: 10 })];
  w.apply(testPlan(testBackend(servers)));
  return w;
}

const refused = (w: HealthWorld, order: ServerOrder, server = "a"): string | undefined => {
  try {
    w.health.change("web", server, order);
    return undefined;
  } catch (error) {
    return (error as WeirError).code;
  }
};

test("the last usable server is not taken out, in any way, unless forced", () => {
  const w = world();
  w.health.change("web", "b", { admin: "maint" });
  const orders: ServerOrder[] = [
    { admin: "drain" },
    { admin: "maint" },
    { weight: 0 },
    { weight: { percent: 0 } },
    { health: "down" },
  ];
  for (const order of orders) {
    const before = w.server(0);
    assert.equal(refused(w, order), "SAFETY_REFUSED", JSON.stringify(order));
    assert.deepEqual(w.server(0), before, "and nothing was changed");
    assert.equal(refused(w, { ...order, force: true }), undefined);
    assert.equal(w.backend()["USABLE"], 0);
    w.health.change("web", "a", { admin: null, weight: null, health: null });
    assert.equal(w.backend()["USABLE"], 1);
  }
});

test("what is already out may go further: nothing is lost by it", () => {
  const w = world();
  w.health.change("web", "a", { admin: "drain", force: true });
  w.health.change("web", "b", { admin: "drain", force: true });
  assert.equal(refused(w, { admin: "maint" }), undefined);
});

test("several words are one order: one event line a change, all or nothing", () => {
  const w = world();
  assert.equal(refused(w, { admin: "drain", weight: 999 }), "USAGE");
  assert.equal(w.server(0)["ADMIN"], ADMIN.READY);
  w.health.change("web", "a", { admin: "drain", weight: 3, maxConnections: 0 });
  assert.deepEqual(w.news(), [
    "Server web/a goes to DRAIN: an operator said: drain, weight 3, connection limit 0; 1 of 2 servers up",
  ]);
  assert.deepEqual(w.health.snapshot()[0]!.servers[0]!.wanted, {
    admin: "drain",
    weight: { absolute: 3 },
    maxConnections: 0,
    health: undefined,
  });
});

test("unknown servers and impossible values are the caller's fault", () => {
  const w = world();
  assert.equal(refused(w, { admin: "drain" }, "nobody"), "USAGE");
  for (const weight of [-1, 257, 1.5, Number.NaN]) assert.equal(refused(w, { weight }), "USAGE");
  assert.equal(refused(w, { weight: { percent: -1 } }), "USAGE");
  assert.equal(refused(w, { maxConnections: -1 }), "USAGE");
});
