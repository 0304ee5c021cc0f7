import assert from "node:assert/strict";
import { test } from "node:test";
import { BACKEND, Board, type BoardSizes, boardBytes } from "#plan/board.ts";
import { forgetWorker } from "#plan/gauges.ts";
import type { Core } from "./core.ts";
import { hasPrecedence } from "./precedence.ts";
import type { BackendRuntime } from "./runtime.ts";

const SIZES: BoardSizes = { workers: 3, frontends: 1, backends: 2, servers: 4, logBytes: 4096 };
const WALL = 1_900_000_000_000;
const SERVER = 2;

/** Worker 1 of three, at a moment; the others' lines are written by the test. */
function scene() {
  const board = new Board(new SharedArrayBuffer(boardBytes(SIZES)), SIZES);
  const core = { board, index: 1, totals: board.totals[1]!, nowMs: 5000, wallMs: WALL };
  const backend = { slot: 1, waiting: 0, leftMs: -1e9 };
  /** May one that has waited for so long with us take room on the server? */
  const may = (waitedMs: number): boolean =>
    hasPrecedence(
      core as unknown as Core,
      backend as unknown as BackendRuntime,
      SERVER,
      (WALL - waitedMs) | 0,
    );
  const others = (count: number): void => {
    board.backends[1 * BACKEND.size + BACKEND.QUEUED] = backend.waiting + count;
  };
  const since = (waitedMs: number): number => (WALL - waitedMs) | 0;
  return { board, core, may, others, since };
}

test("who waits alone takes what is free", () => {
  const { may, board, since } = scene();
  // What is left in the row of somebody who does not wait any more.
  board.totals[0]!.backendWaits[1] = since(1000);
  assert.ok(may(0));
});

test("one that waits notably longer in another thread goes first, whichever line it is in", () => {
  for (const line of ["backendWaits", "serverWaits"] as const) {
    const { may, others, board, since } = scene();
    others(1);
    board.totals[2]![line][line === "backendWaits" ? 1 : SERVER] = since(100);
    assert.ok(may(95), "it is about as long");
    assert.ok(may(200), "ours has waited longer");
    assert.ok(!may(50));
  }
});

test("other backends, other servers and dead workers have no precedence", () => {
  const { may, others, board, since } = scene();
  others(1);
  board.totals[0]!.backendWaits[0] = since(100);
  board.totals[0]!.serverWaits[SERVER + 1] = since(100);
  assert.ok(may(0));
  board.totals[0]!.backendWaits[1] = since(100);
  forgetWorker(board, 0);
  assert.ok(may(0));
});

test("room that nobody comes for is taken, and left again later", () => {
  const { may, others, core, board, since } = scene();
  others(1);
  board.totals[0]!.backendWaits[1] = since(10_000);
  const taken: boolean[] = [];
  for (let ms = 0; ms < 20; ms++) {
    core.nowMs = 5000 + ms;
    taken.push(may(0));
  }
  assert.ok(!taken[0] && !taken[4] && taken[5] && taken[9] && !taken[10] && taken[15]);
});
