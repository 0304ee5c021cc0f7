// @hot
import { CODE } from "#base/errors.ts";
import { BACKEND, BACKEND_GAUGES, PROCESS_TOTALS, SERVER, SERVER_GAUGES } from "#plan/board.ts";
import { closeClient } from "./client-socket.ts";
import type { Core } from "./core.ts";
import { leaveLine } from "./line.ts";
import { NO_COOKIE } from "./persistence-cookies.ts";
import { recordExchange } from "./record.ts";
import { ASKED, CF, CLIENT, CS, GIVEN, N, RELAY, X, XF, XS } from "./tables.ts";
import { dropUpstream } from "./upstream-socket.ts";

/**
 * The life of an exchange. Its row and pages are held (X.HOLD) by every socket that is closing
 * while the kernel may still use them; they are given back when the exchange has ended and the last
 * hold is gone.
 */

/** A new exchange for a client's request, or -1 when there is no row or page left. */
export function openExchange(core: Core, socket: number, sizeClass: number): number {
  const page = core.takePage(sizeClass);
  if (page < 0) return -1;
  const x = core.takeExchange();
  if (x < 0) {
    core.totals.process[PROCESS_TOTALS.NO_SLOTS]!++;
    core.transport.pages.give(page, sizeClass);
    return -1;
  }
  const client = socket * CLIENT.size;
  begin(core, x, socket);
  core.exchanges[x * X.size + X.PAGE] = page;
  core.exchanges[x * X.size + X.PAGE_CLASS] = sizeClass;
  core.clients[client + CLIENT.EXCHANGE] = x;
  core.clients[client + CLIENT.STATE] = CS.BUSY;
  core.clients[client + CLIENT.REQUESTS]!++;
  core.requests++;
  return x;
}

function begin(core: Core, x: number, socket: number): void {
  const cells = core.exchanges;
  const numbers = core.numbers;
  const at = x * X.size;
  const n = x * N.size;
  cells[at + X.CLIENT] = socket;
  cells[at + X.UPSTREAM] = -1;
  cells[at + X.FRONTEND] = core.clients[socket * CLIENT.size + CLIENT.FRONTEND]!;
  cells[at + X.BACKEND] = -1;
  cells[at + X.SERVER] = -1;
  cells[at + X.STICK] = -1;
  cells[at + X.AVOID] = -1;
  cells[at + X.LINE_OF] = -1;
  cells[at + X.FOUND] = NO_COOKIE;
  cells[at + X.ASKED] = ASKED.NOT;
  cells[at + X.GIVEN] = GIVEN.NOT;
  cells[at + X.OUT_PAGE] = -1;
  cells[at + X.UP + RELAY.PAGE] = -1;
  cells[at + X.DOWN + RELAY.PAGE] = -1;
  numbers.fill(0, n, n + N.size);
  numbers[n + N.WALL] = core.wallMs;
  numbers[n + N.START] = core.nowMs;
  numbers[n + N.HEAD] = core.nowMs;
  numbers[n + N.QUEUED] = -1;
  numbers[n + N.ASSIGNED] = -1;
  numbers[n + N.CONNECTED] = -1;
  numbers[n + N.FIRST] = -1;
  numbers[n + N.KEY] = -1;
  numbers[n + N.CLIENT_SINCE] = -1;
  numbers[n + N.SERVER_SINCE] = -1;
}

/** Cuts both sides off. */
export function abortExchange(core: Core, x: number, code: number): void {
  const at = x * X.size;
  if (core.exchanges[at + X.STATE] === XS.ENDED) return;
  if (core.exchanges[at + X.CODE] === CODE.NONE) core.exchanges[at + X.CODE] = code;
  dropUpstream(core, x);
  const socket = core.exchanges[at + X.CLIENT]!;
  const flags = core.exchanges[at + X.FLAGS]!;
  core.exchanges[at + X.HOLD]!++;
  endExchange(core, x);
  // An answer that was cut short must not look whole: reset, so that the client sees an error.
  const cut = code !== CODE.NONE && (flags & XF.ANSWERED) !== 0;
  closeClient(core, socket, cut);
}

/** The client is gone: its connection broke while an exchange was under way. */
export function clientBroke(core: Core, x: number): void {
  const socket = core.exchanges[x * X.size + X.CLIENT]!;
  core.clients[socket * CLIENT.size + CLIENT.FLAGS]! |= CF.EOF;
  abortExchange(core, x, departure(core.exchanges[x * X.size + X.STATE]!));
}

function departure(state: number): number {
  if (state === XS.QUEUED) return CODE.QUEUE_ABORTED;
  if (state === XS.CONNECTING) return CODE.CONNECT_ABORTED;
  return state === XS.WAITING ? CODE.CLIENT_LEFT : CODE.CLIENT_ABORTED;
}

/**
 * Takes the exchange out of everything that counts it, and logs it. Its memory goes with the last
 * hold.
 */
export function endExchange(core: Core, x: number): void {
  const at = x * X.size;
  if (core.exchanges[at + X.STATE] === XS.QUEUED) leaveLine(core, x);
  core.exchanges[at + X.STATE] = XS.ENDED;
  releaseServer(core, x);
  recordExchange(core, x);
  if (core.exchanges[at + X.HOLD] === 0) freeExchange(core, x);
}

/** A socket whose requests used the exchange's memory is gone. */
export function unhold(core: Core, x: number): void {
  const at = x * X.size;
  const holds = --core.exchanges[at + X.HOLD]!;
  if (holds === 0 && core.exchanges[at + X.STATE] === XS.ENDED) freeExchange(core, x);
}

function freeExchange(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const pages = core.transport.pages;
  pages.give(cells[at + X.PAGE]!, cells[at + X.PAGE_CLASS]!);
  if (cells[at + X.OUT_PAGE]! >= 0) pages.give(cells[at + X.OUT_PAGE]!, cells[at + X.OUT_CLASS]!);
  freeRelay(core, at + X.UP);
  freeRelay(core, at + X.DOWN);
  core.giveExchange(x);
}

function freeRelay(core: Core, relay: number): void {
  const cells = core.exchanges;
  const page = cells[relay + RELAY.PAGE]!;
  if (page >= 0) core.transport.pages.give(page, cells[relay + RELAY.CLASS]!);
}

/**
 * Takes the exchange off its server's count, once. Those who wait may go on: when this turn's
 * events have been heard, see serveLines.
 */
export function releaseServer(core: Core, x: number): void {
  const at = x * X.size;
  if ((core.exchanges[at + X.FLAGS]! & XF.TAKEN) === 0) return;
  core.exchanges[at + X.FLAGS]! &= ~XF.TAKEN;
  const slot = core.exchanges[at + X.SERVER]!;
  const backendSlot = core.exchanges[at + X.BACKEND]!;
  countActive(core, backendSlot, slot, -1);
  core.freed = true;
  const backend = core.runtime.backends[backendSlot]!;
  const server = core.runtime.servers[slot]!;
  if (server.retired || backend.retired) return;
  const first = core.numbers[x * N.size + N.FIRST]!;
  const took = first < 0 ? -1 : first - core.numbers[x * N.size + N.ASSIGNED]!;
  backend.scheduler.dropped(server.position, took, core.nowMs | 0);
}

/** Keeps the gauges of requests in flight; returns those of the server, over all threads. */
export function countActive(core: Core, backend: number, server: number, by: number): number {
  core.totals.backendGauges[backend * BACKEND_GAUGES.size + BACKEND_GAUGES.ACTIVE]! += by;
  Atomics.add(core.board.backends, backend * BACKEND.size + BACKEND.ACTIVE, by);
  core.totals.serverGauges[server * SERVER_GAUGES.size + SERVER_GAUGES.ACTIVE]! += by;
  return Atomics.add(core.board.servers, server * SERVER.size + SERVER.ACTIVE, by) + by;
}
