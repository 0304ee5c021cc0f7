// @hot
import { CODE, FACTS } from "#base/errors.ts";
import { FRAMING } from "#http/head.ts";
import { FRONTEND_TOTALS } from "#plan/board.ts";
import { answer } from "./answer.ts";
import { leaveQueue, releaseServer } from "./assign.ts";
import { closeClient, lingerClient, nextRequest } from "./client.ts";
import type { Core } from "./core.ts";
import { recordExchange } from "./record.ts";
import { CF, CLIENT, CS, N, RELAY, RS, UP, US, X, XF, XS } from "./tables.ts";

/** Longest part of a broken request line that is kept for the log. */
const BROKEN_LINE = 1024;

/** A new exchange for a client's request, or -1 when there is no row or page left. */
export function openExchange(core: Core, socket: number, sizeClass: number): number {
  const page = core.transport.pages.take(sizeClass);
  if (page < 0) return -1;
  const x = core.takeExchange();
  if (x < 0) {
    core.transport.pages.give(page, sizeClass);
    return -1;
  }
  const at = x * X.size;
  const client = socket * CLIENT.size;
  const cells = core.exchanges;
  cells[at + X.CLIENT] = socket;
  cells[at + X.UPSTREAM] = -1;
  cells[at + X.FRONTEND] = core.clients[client + CLIENT.FRONTEND]!;
  cells[at + X.BACKEND] = -1;
  cells[at + X.SERVER] = -1;
  cells[at + X.STICK] = -1;
  cells[at + X.AVOID] = -1;
  cells[at + X.NEXT] = -1;
  cells[at + X.PREV] = -1;
  cells[at + X.PAGE] = page;
  cells[at + X.PAGE_CLASS] = sizeClass;
  cells[at + X.OUT_PAGE] = -1;
  cells[at + X.UP + RELAY.PAGE] = -1;
  cells[at + X.DOWN + RELAY.PAGE] = -1;
  const n = x * N.size;
  core.numbers.fill(0, n, n + N.size);
  core.numbers[n + N.WALL] = core.wallMs;
  core.numbers[n + N.START] = core.nowMs;
  core.numbers[n + N.HEAD] = core.nowMs;
  core.numbers[n + N.QUEUED] = -1;
  core.numbers[n + N.ASSIGNED] = -1;
  core.numbers[n + N.CONNECTED] = -1;
  core.numbers[n + N.FIRST] = -1;
  core.numbers[n + N.KEY] = -1;
  core.clients[client + CLIENT.EXCHANGE] = x;
  core.clients[client + CLIENT.STATE] = CS.BUSY;
  core.clients[client + CLIENT.REQUESTS]!++;
  core.requests++;
  return x;
}

/**
 * Answers a request whose head could not be read, and ends the connection: where the next request
 * would begin is not known. [from, end) is what there is of it, for the log.
 */
export function refuseRequest(
  core: Core,
  socket: number,
  code: number,
  from: number,
  end: number,
): void {
  const slot = core.clients[socket * CLIENT.size + CLIENT.FRONTEND]!;
  const x = openExchange(core, socket, 0);
  if (code === CODE.REQUEST_MALFORMED) {
    core.totals.frontends[slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.MALFORMED]!++;
  }
  if (x < 0) {
    closeClient(core, socket, true);
    return;
  }
  const at = x * X.size;
  const page = core.exchanges[at + X.PAGE]!;
  let bytes = 0;
  while (from + bytes < end && bytes < BROKEN_LINE && core.memory[from + bytes] !== 13) {
    core.memory[page + bytes] = core.memory[from + bytes]!;
    bytes++;
  }
  core.exchanges[at + X.LINE_AT] = page;
  core.exchanges[at + X.LINE_BYTES] = bytes;
  core.exchanges[at + X.HEAD_BYTES] = bytes;
  core.exchanges[at + X.FLAGS] = XF.CLOSE;
  core.numbers[x * N.size + N.BYTES_IN] = end - from;
  failExchange(core, x, code);
}

/** Ends the exchange with an answer of ours if the client can still get one, or cuts it off. */
export function failExchange(core: Core, x: number, code: number): void {
  const at = x * X.size;
  const status = FACTS[code]!.status;
  const answered = (core.exchanges[at + X.FLAGS]! & XF.ANSWERED) !== 0;
  if (status === 0 || answered || core.exchanges[at + X.SENDING] !== 0) {
    abortExchange(core, x, code);
    return;
  }
  answer(core, x, code, status);
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

/** Closes the exchange's connection to its server, if it has one. */
export function dropUpstream(core: Core, x: number): void {
  const at = x * X.size;
  const upstream = core.exchanges[at + X.UPSTREAM]!;
  if (upstream < 0) return;
  stopUpload(core, x);
  core.exchanges[at + X.UPSTREAM] = -1;
  core.exchanges[at + X.HOLD]!++;
  core.upstreams[upstream * UP.size + UP.STATE] = US.CLOSING;
  core.timers.clear(upstream);
  core.transport.close(upstream, false);
}

/** The request's body has nowhere to go any more; a receive under way cannot be taken back. */
function stopUpload(core: Core, x: number): void {
  const cell = x * X.size + X.UP + RELAY.STATE;
  const state = core.exchanges[cell]!;
  if (state === RS.READ) core.exchanges[cell] = RS.DROP;
  else if (state === RS.WRITE || state === RS.SPLICE) core.exchanges[cell] = RS.OFF;
}

/** Takes the exchange out of everything that counts it, and logs it. Its memory goes with the last hold. */
function endExchange(core: Core, x: number): void {
  const at = x * X.size;
  if (core.exchanges[at + X.STATE] === XS.QUEUED) leaveQueue(core, x);
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
  const up = at + X.UP;
  if (cells[up + RELAY.PAGE]! >= 0) pages.give(cells[up + RELAY.PAGE]!, cells[up + RELAY.CLASS]!);
  const down = at + X.DOWN;
  if (cells[down + RELAY.PAGE]! >= 0) {
    pages.give(cells[down + RELAY.PAGE]!, cells[down + RELAY.CLASS]!);
  }
  core.giveExchange(x);
}

/** The answer was sent to its last byte: the client goes on, or its connection ends. */
export function completeExchange(core: Core, x: number): void {
  const at = x * X.size;
  const socket = core.exchanges[at + X.CLIENT]!;
  const client = socket * CLIENT.size;
  const flags = core.exchanges[at + X.FLAGS]!;
  const up = core.exchanges[at + X.UP + RELAY.STATE]!;
  const none = core.exchanges[at + X.UP + RELAY.DECODER] === FRAMING.NONE;
  const read = up === RS.DONE || (up === RS.OFF && none);
  const last = (core.clients[client + CLIENT.FLAGS]! & CF.LAST) !== 0;
  dropUpstream(core, x);
  const keep = read && !last && (flags & (XF.KEEP_ALIVE | XF.CLOSE)) === XF.KEEP_ALIVE;
  if (keep) {
    endExchange(core, x);
    nextRequest(core, socket);
    return;
  }
  const dropping = up === RS.READ || up === RS.DROP;
  const reading = dropping || (core.clients[client + CLIENT.FLAGS]! & CF.INTO) !== 0;
  if (reading) core.exchanges[at + X.HOLD]!++;
  const clean = read && core.clients[client + CLIENT.NEXT_BYTES] === 0 && (flags & XF.CLOSE) === 0;
  if (dropping) core.clients[client + CLIENT.FLAGS]! |= CF.INTO | CF.RECEIVING;
  endExchange(core, x);
  if (!reading) core.clients[client + CLIENT.EXCHANGE] = -1;
  if (clean) closeClient(core, socket, false);
  else lingerClient(core, socket);
}

/** The client was silent for too long in the middle of an exchange. */
export function clientTimedOut(core: Core, x: number): void {
  const queued = core.exchanges[x * X.size + X.STATE] === XS.QUEUED;
  failExchange(core, x, queued ? CODE.QUEUE_TIMEOUT : CODE.CLIENT_BODY_TIMEOUT);
}
