import assert from "node:assert/strict";
import { test } from "node:test";
import { testBackend, testCheck, testPlan, testServer } from "#kit/health-plan.ts";
import { HealthWorld } from "#kit/health-world.ts";
import { HEALTH } from "#plan/board.ts";
import { NO_CHECK } from "./check.ts";

const a = testServer("a", 0);
const b = testServer("b", 1);
const observe = { observeFailures: 5, ejectMs: 10_000 };
const withChecks = testCheck({ type: { name: "fake", options: {} }, ...observe });
const alone = testCheck({ type: { name: NO_CHECK, options: {} }, ...observe });

function world(check = alone, servers = [a, b]): HealthWorld {
  const w = new HealthWorld();
  w.apply(testPlan(testBackend(servers, { check })));
  w.clock.advance(3000);
  return w;
}

const health = (w: HealthWorld, slot = 0): number => w.server(slot)["HEALTH"]!;

test("failures in a row eject; fewer do not, and a success in between starts anew", () => {
  const w = world();
  w.fail(0, 4);
  w.clock.advance(200);
  assert.notEqual(health(w), HEALTH.DOWN);
  w.fail(0, 1);
  w.clock.advance(100);
  assert.equal(health(w), HEALTH.DOWN);
  assert.equal(w.server(0)["FAILURES"], 0);
  assert.deepEqual(w.news(), [
    "Server web/a is DOWN: 5 requests in a row failed, out for 10 s; 1 of 2 servers up",
  ]);
});

test("without active checks it comes back after a time that doubles while it goes on failing", () => {
  const w = world();
  const outs: number[] = [];
  for (let i = 0; i < 6; i++) {
    w.fail(0, 5);
    w.clock.advance(100);
    assert.equal(health(w), HEALTH.DOWN);
    const from = w.clock.monotonicMs();
    while (health(w) === HEALTH.DOWN) w.clock.advance(100);
    outs.push(Math.round((w.clock.monotonicMs() - from) / 1000));
  }
  assert.deepEqual(outs, [10, 20, 40, 80, 80, 80]);
  assert.match(
    w.news().at(-1)!,
    /^Server web\/a may serve again: its time out is over, after 80 s/,
  );
  w.clock.advance(81_000);
  w.fail(0, 5);
  w.clock.advance(100);
  w.clock.advance(10_000);
  assert.notEqual(health(w), HEALTH.DOWN, "forgiven after having served as long as it was out");
});

test("with active checks it comes back by them, after `rise` good ones", () => {
  const w = world(withChecks);
  w.fail(0, 7);
  w.clock.advance(100);
  assert.equal(health(w), HEALTH.DOWN);
  w.clock.advance(600);
  assert.equal(health(w), HEALTH.DOWN, "one good check is not enough");
  w.clock.advance(600);
  assert.equal(health(w), HEALTH.UP);
});

test("the last usable server stays: requests that may fail are better than those that must", () => {
  for (const check of [alone, withChecks]) {
    const w = world(check);
    w.fail(0, 5);
    w.fail(1, 5);
    w.clock.advance(100);
    assert.deepEqual([health(w, 0) === HEALTH.DOWN, health(w, 1) === HEALTH.DOWN], [true, false]);
    assert.equal(w.backend()["USABLE"], 1);
  }
});

test("with a backup to take over, it may be ejected", () => {
  const w = world(alone, [a, testServer("b", 1, { backup: true })]);
  w.fail(0, 5);
  w.clock.advance(100);
  assert.equal(health(w, 0), HEALTH.DOWN);
  assert.ok(w.server(1)["EFFECTIVE"]! > 0);
});

test("switching it off by reload brings everybody back, and leaves no timer", () => {
  const w = world();
  w.fail(0, 5);
  w.clock.advance(100);
  w.apply(testPlan(testBackend([a, b], { check: { ...alone, observeFailures: 0 } })));
  assert.notEqual(health(w), HEALTH.DOWN);
  assert.equal(w.clock.pending, 0);
});

test("a reload in between does not shorten or lengthen the time out", () => {
  const w = world();
  w.fail(0, 5);
  w.clock.advance(100);
  w.clock.advance(5000);
  w.apply(testPlan(testBackend([a, b], { check: alone })));
  assert.equal(health(w), HEALTH.DOWN);
  w.clock.advance(5000);
  assert.notEqual(health(w), HEALTH.DOWN);
});
