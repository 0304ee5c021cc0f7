import assert from "node:assert/strict";
import { test } from "node:test";
import {
  BACKEND,
  Board,
  boardBytes,
  FRONTEND,
  GLOBAL,
  SERVER,
  SERVER_GAUGES,
  WORKER,
} from "./board.ts";
import { forgetAllWorkers, forgetWorker } from "./gauges.ts";

const sizes = { workers: 2, frontends: 3, backends: 3, servers: 4, logBytes: 4096 };

test("a dead worker's part leaves the shared gauges, the living one's stays", () => {
  const board = new Board(new SharedArrayBuffer(boardBytes(sizes)), sizes);
  for (const worker of [0, 1]) {
    const own = board.totals[worker]!;
    own.processGauges[0] = 5 + worker;
    own.frontendGauges[2] = 5 + worker;
    own.backendGauges[1 * 2 + 1] = 7;
    own.serverGauges[3 * SERVER_GAUGES.size + SERVER_GAUGES.IDLE] = 9;
    board.workers[worker * WORKER.size + WORKER.CONNECTIONS] = 5;
  }
  board.global[GLOBAL.CONNECTIONS] = 11;
  board.frontends[2 * FRONTEND.size + FRONTEND.CONNECTIONS] = 11;
  board.backends[1 * BACKEND.size + BACKEND.QUEUED] = 14;
  board.servers[3 * SERVER.size + SERVER.IDLE] = 18;

  forgetWorker(board, 0);

  assert.equal(board.global[GLOBAL.CONNECTIONS], 6);
  assert.equal(board.frontends[2 * FRONTEND.size + FRONTEND.CONNECTIONS], 6);
  assert.equal(board.backends[1 * BACKEND.size + BACKEND.QUEUED], 7);
  assert.equal(board.servers[3 * SERVER.size + SERVER.IDLE], 9);
  assert.equal(board.workers[WORKER.CONNECTIONS], 0);
  assert.equal(board.workers[WORKER.size + WORKER.CONNECTIONS], 5);
  forgetWorker(board, 0);
  assert.equal(board.frontends[2 * FRONTEND.size + FRONTEND.CONNECTIONS], 6, "only once");
});

test("with nobody alive every gauge is nothing", () => {
  const board = new Board(new SharedArrayBuffer(boardBytes(sizes)), sizes);
  board.totals[1]!.serverGauges[SERVER_GAUGES.ACTIVE] = 2;
  board.servers[SERVER.ACTIVE] = 3;
  board.global[GLOBAL.CONNECTIONS] = 4;
  board.global[GLOBAL.RELOADS] = 5;
  board.servers[2 * SERVER.size + SERVER.WEIGHT] = 7;
  forgetAllWorkers(board);
  assert.equal(board.servers[SERVER.ACTIVE], 0);
  assert.equal(board.global[GLOBAL.CONNECTIONS], 0);
  assert.equal(board.global[GLOBAL.RELOADS], 5, "no gauge");
  assert.equal(board.totals[1]!.serverGauges[SERVER_GAUGES.ACTIVE], 0);
  assert.equal(board.servers[2 * SERVER.size + SERVER.WEIGHT], 7, "no gauge");
});
