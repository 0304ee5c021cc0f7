import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import { Board, boardBytes, PROCESS_TOTALS } from "#plan/board.ts";
import { EventHub } from "./events.ts";
import { watchShortages } from "./shortages.ts";

const SIZES = { workers: 2, frontends: 1, backends: 1, servers: 1, logBytes: 4096 };

test("a shortage is told when it begins and when it is over, and not in between", () => {
  const board = new Board(new SharedArrayBuffer(boardBytes(SIZES)), SIZES);
  const clock = new SimClock();
  const said: string[] = [];
  const events = new EventHub(clock, (level, text) => said.push(`${level}: ${text}`));
  const cell = PROCESS_TOTALS.NO_SLOTS;
  board.totals[0]!.process[cell] = 7;
  const cancel = watchShortages(board, clock, events);
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
