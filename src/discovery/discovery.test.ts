import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, formatAddress } from "#base/address.ts";
import { createRandom } from "#base/clock.ts";
import type { ResolvedName, Resolver } from "#io/resolver.ts";
import { decodeSockaddr } from "#io/sockaddr.ts";
import { testBackend, testBoard, testPlan, testServer } from "#kit/health-plan.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { readAddress } from "#plan/address-cell.ts";
import { SERVER } from "#plan/board.ts";
import type { BackendPlan, ServerPlan } from "#plan/plan.ts";
import { rowIdentity } from "#plan/row-identity.ts";
import { createDiscovery, type Discovery } from "./discovery.ts";

/** How long a played answer takes. */
const ANSWER_MS = 20;

/** Discovery on a simulated clock, with a resolver that answers what a test says. */
class World {
  readonly clock = new SimClock();
  readonly board = testBoard();
  readonly names = new Map<string, ResolvedName | string>();
  /** Name and time of every question. */
  readonly asked: [string, number][] = [];
  changed: number[] = [];
  log: string[] = [];
  discovery: Discovery;

  constructor() {
    this.discovery = this.engine();
  }

  engine(): Discovery {
    const resolver: Resolver = {
      resolve: (host, done) => {
        this.asked.push([host, this.clock.monotonicMs()]);
        return this.clock.after(ANSWER_MS, () => done(this.names.get(host) ?? "no such name"));
      },
    };
    this.discovery = createDiscovery({
      board: this.board,
      timers: this.clock,
      random: createRandom(1),
      resolver,
      changed: (slot) => this.changed.push(slot),
      log: (_, text) => this.log.push(text),
    });
    return this.discovery;
  }

  is(host: string, addresses: string[], ttlMs: number | undefined = 30_000): void {
    this.names.set(host, { addresses, ttlMs });
  }

  apply(servers: readonly ServerPlan[], change: Partial<BackendPlan> = {}): void {
    this.discovery.apply(testPlan(testBackend(servers, change)));
  }

  /** The address on the Board. */
  at(slot: number): string | undefined {
    const bytes = new Uint8Array(128);
    if (readAddress(this.board, slot, bytes, 0) <= 0) return undefined;
    const { host, port } = decodeSockaddr(bytes, 0);
    return port === 0 ? host : `${host}:${port}`;
  }

  /** Questions about a name after `sinceMs`. */
  times(host: string, sinceMs = -1): number[] {
    return this.asked.filter(([name, at]) => name === host && at > sinceMs).map(([, at]) => at);
  }
}

const named = (server: string, slot: number, host: string, port = 80): ServerPlan =>
  testServer(server, slot, { address: { kind: "name", host, port } });

test("fixed addresses are on the Board at once, names when they are resolved", () => {
  const world = new World();
  world.is("b.test", ["10.0.0.2"]);
  world.apply([
    testServer("a", 0),
    named("b", 1, "b.test", 8080),
    testServer("c", 2, { address: { kind: "unix", path: "/run/c.sock" } }),
    testServer("d", 3, { address: { kind: "inet", host: "fd00::4", port: 81 } }),
  ]);
  assert.deepEqual(
    [0, 1, 2, 3].map((slot) => world.at(slot)),
    ["127.0.0.1:9000", undefined, "/run/c.sock", "fd00::4:81"],
  );
  world.clock.advance(ANSWER_MS);
  assert.equal(world.at(1), "10.0.0.2:8080");
  assert.deepEqual(world.changed, [1], "told of what apply itself had not written");
  world.discovery.stop();
  assert.equal(world.clock.pending, 0);
});

test("asked again when the TTL ends, within bounds", () => {
  const cases: [number | undefined, number][] = [
    [5000, 5000],
    [0, 1000],
    [300_000, 60_000],
    [undefined, 60_000],
  ];
  for (const [ttlMs, waitMs] of cases) {
    const world = new World();
    world.names.set("a.test", { addresses: ["10.0.0.1"], ttlMs });
    world.apply([named("a", 0, "a.test")], { resolve: { intervalMs: 60_000, holdMs: 1e9 } });
    world.clock.advance(600_000);
    const times = world.times("a.test");
    const mean = (times.at(-1)! - times[0]!) / (times.length - 1) - ANSWER_MS;
    assert.ok(Math.abs(mean / waitMs - 1) < 0.1, `${ttlMs}: ${mean}`);
  }
});

test("a server follows its name, and stays while its address is among the answers", () => {
  const world = new World();
  world.is("a.test", ["10.0.0.1", "10.0.0.2"], 1000);
  world.apply([named("a", 0, "a.test")]);
  world.clock.advance(100);
  assert.equal(world.at(0), "10.0.0.1:80");
  world.is("a.test", ["10.0.0.3", "10.0.0.2", "10.0.0.1"], 1000);
  world.clock.advance(5000);
  assert.equal(world.at(0), "10.0.0.1:80", "order does not matter");
  world.is("a.test", ["10.0.0.3", "10.0.0.2"], 1000);
  world.clock.advance(5000);
  assert.equal(world.at(0), "10.0.0.3:80");
  assert.deepEqual(world.changed, [0, 0]);
});

test("a name that fails keeps its last good addresses; tries grow apart, then it is back", () => {
  const world = new World();
  world.is("a.test", ["10.0.0.1"], 1000);
  world.apply([named("a", 0, "a.test")]);
  world.clock.advance(100);
  world.names.set("a.test", "no name server answered in time");
  world.clock.advance(3_600_000);
  assert.equal(world.at(0), "10.0.0.1:80");
  const times = world.times("a.test");
  const gaps = times.slice(2).map((time, i) => time - times[i + 1]! - ANSWER_MS);
  for (const [i, gap] of gaps.entries()) {
    // Never slower than the interval, which is 10 s.
    const expected = [1000, 2000, 4000, 8000][i] ?? 10_000;
    assert.ok(Math.abs(gap / expected - 1) <= 0.1, `${i}: ${gap}`);
  }
  world.is("a.test", ["10.0.0.9"], 1000);
  world.clock.advance(15_000);
  assert.equal(world.at(0), "10.0.0.9:80");
  assert.deepEqual(world.log, [
    "Name a.test is not resolved: no name server answered in time; 10.0.0.1 stays in use",
    "Name a.test is resolved again",
  ]);
});

test("with a limit to that, the server has no address afterwards", () => {
  const world = new World();
  world.is("a.test", ["10.0.0.1"], 1000);
  world.apply([named("a", 0, "a.test")], { resolve: { intervalMs: 5000, holdMs: 60_000 } });
  world.clock.advance(100);
  world.names.set("a.test", "no such name");
  world.clock.advance(50_000);
  assert.equal(world.at(0), "10.0.0.1:80");
  world.clock.advance(20_000);
  assert.equal(world.at(0), undefined);
  assert.equal(world.discovery.locate({ kind: "name", host: "a.test", port: 80 }, 0), undefined);
});

test("servers of one backend under one name share its addresses out", () => {
  const world = new World();
  const servers = [0, 1, 2].map((slot) => named(`s${slot}`, slot, "pool.test"));
  const placed = () => servers.map(({ slot }) => world.at(slot));
  world.is("pool.test", ["10.0.0.1", "10.0.0.2", "10.0.0.3"], 1000);
  world.apply(servers);
  world.clock.advance(100);
  assert.deepEqual(placed(), ["10.0.0.1:80", "10.0.0.2:80", "10.0.0.3:80"]);
  world.is("pool.test", ["10.0.0.3", "10.0.0.4", "10.0.0.1"], 1000);
  world.clock.advance(2000);
  assert.deepEqual(placed(), ["10.0.0.1:80", "10.0.0.4:80", "10.0.0.3:80"], "only one moved");
  world.is("pool.test", ["10.0.0.1"], 1000);
  world.clock.advance(2000);
  assert.deepEqual(placed(), Array(3).fill("10.0.0.1:80"), "fewer addresses are shared");
  world.is("pool.test", ["10.0.0.1", "10.0.0.2", "10.0.0.3"], 1000);
  world.clock.advance(2000);
  assert.equal(new Set(placed()).size, 3);
});

test("a name is asked for once, whoever needs it, and no more when nobody does", () => {
  const world = new World();
  world.is("a.test", ["10.0.0.1"], 1000);
  const checkAddress: Address = { kind: "name", host: "A.test", port: 99 };
  world.apply([
    named("a", 0, "a.test", 80),
    named("b", 1, "A.Test", 81),
    testServer("c", 2, { checkAddress }),
  ]);
  world.clock.advance(100);
  assert.equal(world.asked.length, 1);
  assert.equal(world.at(1), "10.0.0.1:81");
  const located = world.discovery.locate(checkAddress, 2)!;
  assert.equal(formatAddress(located), "10.0.0.1:99");
  for (let i = 0; i < 20; i++) world.apply([named("a", 0, "a.test", 80)]);
  assert.equal(world.asked.length, 1, "reloads ask nothing");
  world.apply([testServer("a", 0)]);
  assert.equal(world.at(0), "127.0.0.1:9000");
  assert.equal(world.clock.pending, 0);
});

test("an engine after us goes on with the Board's addresses until its own answers come", () => {
  const world = new World();
  world.is("a.test", ["10.0.0.1"], 1000);
  const servers = [named("a", 0, "a.test", 80), named("b", 1, "b.test", 80)];
  world.apply(servers);
  world.clock.advance(100);
  const row = (slot: number) => slot * SERVER.size + SERVER.IDENTITY;
  world.board.servers[row(0)] = rowIdentity("web/a");
  world.board.servers[row(1)] = rowIdentity("web/somebody-else");
  world.discovery.stop();
  world.engine();
  world.names.set("a.test", "no such name");
  world.apply([named("a", 0, "a.test", 8080), servers[1]!]);
  assert.equal(world.at(0), "10.0.0.1:8080", "with the port of the new Plan");
  assert.equal(world.at(1), undefined);
  world.clock.advance(60_000);
  assert.equal(world.at(0), "10.0.0.1:8080");
});

test("whoever waits at the start waits until every name was tried, or long enough", () => {
  const world = new World();
  world.is("a.test", ["10.0.0.1"]);
  world.apply([named("a", 0, "a.test"), named("b", 1, "missing.test")]);
  const ends: number[] = [];
  world.discovery.whenTried(5000, () => ends.push(world.clock.monotonicMs()));
  world.discovery.whenTried(10, () => ends.push(world.clock.monotonicMs()));
  const cancel = world.discovery.whenTried(10, () => assert.fail("cancelled"));
  cancel();
  assert.equal(ends.length, 0);
  world.clock.advance(6000);
  assert.deepEqual(ends, [10, ANSWER_MS]);

  const fixed = new World();
  fixed.apply([testServer("a", 0)]);
  fixed.discovery.whenTried(5000, () => ends.push(fixed.clock.monotonicMs()));
  fixed.clock.advance(1);
  assert.deepEqual(ends, [10, ANSWER_MS, 0], "nothing to wait for");
});
