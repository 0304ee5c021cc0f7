import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { planFromText } from "#kit/plan.ts";
import { SimClock } from "#kit/sim-clock.ts";
import {
  BACKEND_TOTALS,
  Board,
  boardBytes,
  FRONTEND,
  FRONTEND_TOTALS,
  GLOBAL,
  PROCESS_TOTALS,
} from "#plan/board.ts";
import { EventHub } from "./events.ts";
import { watchShortages } from "./shortages.ts";

const SIZES = { workers: 2, frontends: 2, backends: 1, servers: 1, logBytes: 4096 };

const PLAN = planFromText(`
frontends:
  web: { bind: ":80", maxConnections: 3, default: app }
  shop: { bind: ":81", default: app }
backends:
  app: { queue: 5, servers: { a: "127.0.0.1:82" } }
engine: { maxConnections: 6 }
`);

function watched(t: TestContext) {
  const board = new Board(new SharedArrayBuffer(boardBytes(SIZES)), SIZES);
  for (const { slot, maxConnections } of PLAN.frontends) {
    board.frontends[slot * FRONTEND.size + FRONTEND.MAX_CONNECTIONS] = maxConnections;
  }
  const clock = new SimClock();
  const said: string[] = [];
  const events = new EventHub(clock, (level, text) => said.push(`${level}: ${text}`));
  const world = { board, clock, said, events, plan: PLAN };
  t.after(watchShortages(board, () => world.plan, clock, events));
  return world;
}

test("a shortage is told when it begins and when it is over, and not in between", () => {
  const board = new Board(new SharedArrayBuffer(boardBytes(SIZES)), SIZES);
  const clock = new SimClock();
  const said: string[] = [];
  const events = new EventHub(clock, (level, text) => said.push(`${level}: ${text}`));
  const cell = PROCESS_TOTALS.NO_SLOTS;
  board.totals[0]!.process[cell] = 7;
  const cancel = watchShortages(board, () => PLAN, clock, events);
  clock.advance(5000);
  assert.deepEqual(said, [], "what was counted before is another's");
  for (let second = 0; second < 30; second++) {
    board.totals[second & 1]!.process[cell]! += 5;
    clock.advance(1000);
  }
  assert.deepEqual(said, ["warning: No socket is free: new connections or requests are refused"]);
  clock.advance(20_000);
  assert.equal(said.length, 2);
  assert.match(said[1]!, /^info: Over, after 150 times: No socket is free/);
  board.totals[1]!.process[PROCESS_TOTALS.NO_PAGES] = 1;
  clock.advance(1000);
  assert.match(said[2]!, /^warning: No memory is free/);
  cancel();
  assert.equal(clock.pending, 0);
});

test("a full frontend is told of once, and when it is over", (t) => {
  const { board, clock, said, events } = watched(t);
  const row = PLAN.frontends[0]!.slot * FRONTEND.size;
  const full = PLAN.frontends[0]!.slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.FULL;
  board.frontends[row + FRONTEND.CONNECTIONS] = 3;
  board.totals[1]!.frontends[full]!++;
  clock.advance(30_000);
  assert.deepEqual(said, ["warning: Frontend web is full (3 connections): new ones wait"]);
  assert.equal(events.recent()[0]!.subject, "web");
  board.frontends[row + FRONTEND.CONNECTIONS] = 2;
  clock.advance(5000);
  // Between two looks it was full again.
  board.totals[0]!.frontends[full]!++;
  clock.advance(9000);
  assert.equal(said.length, 1);
  clock.advance(5000);
  assert.deepEqual(said.slice(1), [
    "info: Over, after 2 times: Frontend web is full (3 connections): new ones wait",
  ]);
});

test("a full engine is told of for all frontends without a limit of their own", (t) => {
  const { board, clock, said } = watched(t);
  const row = PLAN.frontends[1]!.slot * FRONTEND.size;
  board.global[GLOBAL.CONNECTIONS] = 6;
  board.frontends[row + FRONTEND.CONNECTIONS] = 6;
  clock.advance(2000);
  assert.deepEqual(said, ["warning: The engine is full (6 connections): new ones wait"]);
});

test("a full queue is told of; what a reload takes away is forgotten", (t) => {
  const world = watched(t);
  const { board, clock, said } = world;
  board.totals[0]!.backends[BACKEND_TOTALS.QUEUE_FULL] = 40;
  clock.advance(2000);
  const text = "The queue of backend app is full (5 a thread): requests are refused";
  assert.deepEqual(said, [`warning: ${text}`]);
  world.plan = { ...PLAN, backends: [] };
  clock.advance(20_000);
  assert.equal(said.length, 1);
  world.plan = PLAN;
  clock.advance(20_000);
  assert.equal(said.length, 1, "what was counted before is no news");
  board.totals[0]!.backends[BACKEND_TOTALS.QUEUE_FULL]!++;
  clock.advance(20_000);
  assert.deepEqual(said.slice(1), [`warning: ${text}`, `info: Over, after 1 time: ${text}`]);
});
