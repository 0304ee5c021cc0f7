// @hot
import { CODE } from "#base/errors.ts";
import { beginChunked, decodeChunked, relayChunked } from "#http/chunked.ts";
import { FRAMING, type Head } from "#http/head.ts";
import { parseResponse } from "#http/response-parser.ts";
import { writeChunkHeader, writeCrlf } from "#http/serialise.ts";
import { classFor, PAGE_SIZES } from "#io/pages.ts";
import { FRONTEND_TOTALS, PROCESS_TOTALS, SERVER } from "#plan/board.ts";
import { releaseServer } from "./assign.ts";
import type { Core } from "./core.ts";
import { completeExchange, failExchange } from "./exchange.ts";
import { CONNECTION, editsBytes, endHead, RESPONSE_ROOM, writeResponse } from "./forward.ts";
import { CHUNKED, IDENTITY } from "./relay.ts";
import { countFailure, repeat, retry } from "./retry.ts";
import { cookieRoom, hideSetCookies, writeSetCookies } from "./sticky.ts";
import { CF, CLIENT, N, RELAY, RS, X, XF, XS } from "./tables.ts";
import { receiveAnswer, releaseUpstream } from "./upstream.ts";

/** Room in an answer's page for a chunk header before and CRLF after the first bytes of a body. */
const FRAME_ROOM = 32;

/** Bytes of an answer whose head is not read yet, or the end of the connection. */
export function responseReceived(
  core: Core,
  x: number,
  upstream: number,
  result: number,
  from: number,
  buffer: number,
): void {
  const at = x * X.size;
  if (result <= 0) {
    retry(core, x, CODE.SERVER_CLOSED_EARLY);
    return;
  }
  const fill = core.exchanges[at + X.FILL]!;
  if (fill > 0) {
    const page = core.exchanges[at + X.DOWN + RELAY.PAGE]!;
    readResponse(core, x, upstream, page, page + fill + result);
  } else {
    readResponse(core, x, upstream, from, from + result);
  }
  if (buffer >= 0) core.transport.release(buffer);
}

/** Reads the head at [from, end), which stays the caller's. */
function readResponse(core: Core, x: number, upstream: number, from: number, end: number): void {
  const at = x * X.size;
  const head = core.responseHead;
  const method = core.exchanges[at + X.METHOD]!;
  const parsed = parseResponse(core.memory, from, end, head, core.limits, method);
  if (parsed > 0) {
    if (head.status >= 200 || head.status === 101) respond(core, x, upstream, from, parsed, end);
    else interim(core, x, upstream, from, parsed, end);
    return;
  }
  if (parsed < 0) {
    retry(core, x, -parsed);
    return;
  }
  keepHead(core, x, upstream, from, end);
}

/** Keeps part of a head in the page that the body will use later, and waits for the rest. */
function keepHead(core: Core, x: number, upstream: number, from: number, end: number): void {
  const relay = x * X.size + X.DOWN;
  let page = core.exchanges[relay + RELAY.PAGE]!;
  if (page < 0) {
    const size = classFor(core.limits.headBytes + 4096);
    page = core.transport.pages.take(size);
    if (page < 0) {
      core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
      failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
      return;
    }
    core.exchanges[relay + RELAY.PAGE] = page;
    core.exchanges[relay + RELAY.CLASS] = size;
  }
  if (from !== page) core.memory.copyWithin(page, from, end);
  const fill = end - from;
  core.exchanges[x * X.size + X.FILL] = fill;
  const room = PAGE_SIZES[core.exchanges[relay + RELAY.CLASS]!]! - fill;
  core.transport.receiveInto(upstream, page + fill, room);
}

/** A 1xx answer: passed on to clients that know of such, and the real one waited for. */
function interim(
  core: Core,
  x: number,
  upstream: number,
  from: number,
  parsed: number,
  end: number,
): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const frontend = core.runtime.frontends[cells[at + X.FRONTEND]!]!;
  const size = classFor(parsed - from + RESPONSE_ROOM);
  const pass = (cells[at + X.FLAGS]! & XF.OLD) === 0 && cells[at + X.SENDING] === 0;
  const out = pass && cells[at + X.OUT_PAGE]! < 0 ? core.transport.pages.take(size) : -1;
  cells[at + X.FILL] = 0;
  if (out >= 0) {
    cells[at + X.OUT_PAGE] = out;
    cells[at + X.OUT_CLASS] = size;
    const bytes = core.memory;
    const head = core.responseHead;
    let to = writeResponse(frontend, bytes, head, undefined, false, CONNECTION.NOTHING, bytes, out);
    to = endHead(bytes, to);
    cells[at + X.SENDING] = 1;
    core.numbers[x * N.size + N.BYTES_OUT]! += to - out;
    core.totals.frontends[
      cells[at + X.FRONTEND]! * FRONTEND_TOTALS.size + FRONTEND_TOTALS.STATUS_1XX
    ]!++;
    core.transport.send(cells[at + X.CLIENT]!, out, to - out, false);
    // What follows is read when that was sent: answerSent.
    keepRest(core, x, parsed, end);
    return;
  }
  if (parsed < end) readResponse(core, x, upstream, parsed, end);
  else receiveAnswer(core, upstream);
}

function keepRest(core: Core, x: number, parsed: number, end: number): void {
  const relay = x * X.size + X.DOWN;
  if (parsed === end) return;
  let page = core.exchanges[relay + RELAY.PAGE]!;
  if (page < 0) {
    const size = classFor(Math.max(end - parsed, core.limits.headBytes + 4096));
    page = core.transport.pages.take(size);
    if (page < 0) {
      failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
      return;
    }
    core.exchanges[relay + RELAY.PAGE] = page;
    core.exchanges[relay + RELAY.CLASS] = size;
  }
  core.memory.copyWithin(page, parsed, end);
  core.exchanges[x * X.size + X.FILL] = end - parsed;
}

/** The final answer. */
function respond(
  core: Core,
  x: number,
  upstream: number,
  from: number,
  parsed: number,
  end: number,
): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const head = core.responseHead;
  const backend = core.runtime.backends[cells[at + X.BACKEND]!]!;
  const slot = cells[at + X.SERVER]!;
  if (backend.retryStatus[head.status] === 1 && retryAnswer(core, x)) return;
  if (core.board.servers[slot * SERVER.size + SERVER.FAILURES] !== 0) {
    Atomics.store(core.board.servers, slot * SERVER.size + SERVER.FAILURES, 0);
  }
  if (core.numbers[x * N.size + N.FIRST]! < 0) core.numbers[x * N.size + N.FIRST] = core.nowMs;
  cells[at + X.STATUS] = head.status;
  cells[at + X.STATE] = XS.RESPONDING;
  if (head.keepAlive) cells[at + X.FLAGS]! |= XF.REUSABLE;
  if (head.status === 101 && (cells[at + X.FLAGS]! & XF.UPGRADE) === 0) {
    failExchange(core, x, CODE.RESPONSE_MALFORMED);
    return;
  }
  const encoder = settleFraming(core, x, head);
  const left = head.framing === FRAMING.LENGTH ? head.contentLength : 0;
  core.numbers[x * N.size + N.DOWN_LEFT] = left;
  const here = end - parsed;
  const whole = head.framing === FRAMING.NONE || (head.framing === FRAMING.LENGTH && here >= left);
  const body = head.framing === FRAMING.NONE ? 0 : whole ? left : here;
  const edits = core.edits[x];
  const room =
    parsed -
    from +
    RESPONSE_ROOM +
    FRAME_ROOM +
    body +
    (edits === undefined ? 0 : editsBytes(edits)) +
    cookieRoom(core, backend);
  let size = classFor(room);
  if (!whole && size >= 0) size = Math.max(size, left - body > PAGE_SIZES[1]! ? 2 : 1);
  const out = size < 0 ? -1 : core.transport.pages.take(size);
  if (out < 0) {
    core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
    failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
    return;
  }
  const to = writeHead(core, x, encoder, out);
  core.numbers[x * N.size + N.HEAD_OUT] = to - out;
  sendFirst(core, x, upstream, parsed, end, out, size, to, encoder, whole, body);
}

/** How the body goes on to the client, and whether its connection lives on. */
function settleFraming(core: Core, x: number, head: Head): number {
  const at = x * X.size;
  const cells = core.exchanges;
  const open = head.framing === FRAMING.CHUNKED || head.framing === FRAMING.CLOSE;
  const old = (cells[at + X.FLAGS]! & XF.OLD) !== 0;
  const frontend = core.runtime.frontends[cells[at + X.FRONTEND]!]!;
  const client = cells[at + X.CLIENT]! * CLIENT.size;
  const up = cells[at + X.UP + RELAY.STATE]!;
  const unread = up !== RS.DONE && cells[at + X.UP + RELAY.DECODER] !== FRAMING.NONE;
  const leaving = (core.clients[client + CLIENT.FLAGS]! & (CF.EOF | CF.LAST)) !== 0;
  if ((open && old) || unread || leaving || core.draining || frontend.retired) {
    cells[at + X.FLAGS]! |= XF.CLOSE;
  }
  return open && !old && head.status !== 101 ? CHUNKED : IDENTITY;
}

function writeHead(core: Core, x: number, encoder: number, out: number): number {
  const at = x * X.size;
  const flags = core.exchanges[at + X.FLAGS]!;
  const frontend = core.runtime.frontends[core.exchanges[at + X.FRONTEND]!]!;
  const keep = (flags & (XF.KEEP_ALIVE | XF.CLOSE)) === XF.KEEP_ALIVE;
  const word = keep
    ? (flags & XF.OLD) !== 0
      ? CONNECTION.KEEP_ALIVE
      : CONNECTION.NOTHING
    : CONNECTION.CLOSE;
  const bytes = core.memory;
  const kept = core.edits[x];
  const edits = kept !== undefined && kept.count > 0 ? kept : undefined;
  hideSetCookies(core, x);
  let to = writeResponse(
    frontend,
    bytes,
    core.responseHead,
    edits,
    encoder === CHUNKED,
    word,
    bytes,
    out,
  );
  to = writeSetCookies(core, x, to);
  return endHead(bytes, to);
}

/** Sends the head with as much of the body as is here, and goes on with the rest. */
function sendFirst(
  core: Core,
  x: number,
  upstream: number,
  parsed: number,
  end: number,
  out: number,
  size: number,
  headEnd: number,
  encoder: number,
  whole: boolean,
  body: number,
): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const relay = at + X.DOWN;
  const framing = core.responseHead.framing;
  const socket = cells[at + X.CLIENT]!;
  cells[at + X.FILL] = 0;
  cells[relay + RELAY.DECODER] = whole ? FRAMING.NONE : framing;
  cells[relay + RELAY.ENCODER] = encoder;
  cells[relay + RELAY.FROM] = upstream;
  cells[relay + RELAY.TO] = socket;
  let to = headEnd;
  let done = whole;
  if (framing === FRAMING.CHUNKED) {
    to = writeChunks(core, x, relay, parsed, end, headEnd, encoder);
    if (to < 0) {
      core.transport.pages.give(out, size);
      failExchange(core, x, CODE.RESPONSE_BODY_MALFORMED);
      return;
    }
    done = cells[relay + RELAY.DECODER] === FRAMING.NONE;
  } else if (framing === FRAMING.CLOSE && encoder === CHUNKED) {
    to = writeChunk(core, parsed, end, headEnd);
  } else if (body > 0) {
    core.memory.copyWithin(headEnd, parsed, parsed + body);
    to = headEnd + body;
    core.numbers[x * N.size + N.DOWN_LEFT]! -= body;
    // More than the body: that server is not to be trusted with another request.
    if (whole && end - parsed > body) cells[at + X.FLAGS]! &= ~XF.REUSABLE;
  } else if (framing === FRAMING.NONE && end > parsed) {
    cells[at + X.FLAGS]! &= ~XF.REUSABLE;
  }
  adoptPage(core, x, out, size, done);
  cells[at + X.FLAGS]! |= XF.ANSWERED | XF.FINAL;
  cells[at + X.SENDING] = 1;
  core.numbers[x * N.size + N.BYTES_OUT]! += to - out;
  if (done) {
    cells[relay + RELAY.DECODER] = FRAMING.NONE;
    releaseUpstream(core, x);
    releaseServer(core, x);
  } else cells[relay + RELAY.STATE] = RS.WRITE;
  core.transport.send(socket, out, to - out, !done);
  const frontend = core.runtime.frontends[cells[at + X.FRONTEND]!]!;
  core.timers.set(socket, core.nowMs, frontend.plan.timeouts.clientMs);
}

/** The page just written becomes the body's when more is to come, else it goes with the exchange. */
function adoptPage(core: Core, x: number, out: number, size: number, done: boolean): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const relay = at + X.DOWN;
  const pages = core.transport.pages;
  if (cells[at + X.OUT_PAGE]! >= 0) pages.give(cells[at + X.OUT_PAGE]!, cells[at + X.OUT_CLASS]!);
  cells[at + X.OUT_PAGE] = -1;
  if (done) {
    cells[at + X.OUT_PAGE] = out;
    cells[at + X.OUT_CLASS] = size;
    return;
  }
  if (cells[relay + RELAY.PAGE]! >= 0) {
    pages.give(cells[relay + RELAY.PAGE]!, cells[relay + RELAY.CLASS]!);
  }
  cells[relay + RELAY.PAGE] = out;
  cells[relay + RELAY.CLASS] = size;
}

/** The first stretch of a chunked body, re-framed at `to`. Returns the end, or a negative code. */
function writeChunks(
  core: Core,
  x: number,
  relay: number,
  from: number,
  end: number,
  to: number,
  encoder: number,
): number {
  const cells = core.exchanges;
  const bytes = core.memory;
  const state = relay + RELAY.CHUNK;
  beginChunked(cells, state);
  bytes.copyWithin(to, from, end);
  const stop = to + end - from;
  const out = core.chunk;
  const written =
    encoder === CHUNKED
      ? relayChunked(bytes, to, stop, to, cells, state, out)
      : decodeChunked(bytes, to, stop, to, cells, state, out);
  if (written < 0) return written;
  if (out.done) {
    cells[relay + RELAY.DECODER] = FRAMING.NONE;
    if (out.consumed < stop) cells[x * X.size + X.FLAGS]! &= ~XF.REUSABLE;
  } else if (out.consumed < stop) {
    cells[relay + RELAY.KEPT] = stop - out.consumed;
    cells[relay + RELAY.CHUNK + 7] = out.consumed;
  }
  return to + written;
}

/** Bytes of a body without an end of its own, as one chunk at `to`. Returns the end. */
function writeChunk(core: Core, from: number, end: number, to: number): number {
  if (end === from) return to;
  const start = writeChunkHeader(core.memory, to, end - from);
  core.memory.copyWithin(start, from, end);
  return writeCrlf(core.memory, start + end - from);
}

/** A status that is to be tried elsewhere. True when that was begun. */
function retryAnswer(core: Core, x: number): boolean {
  const at = x * X.size;
  const flags = core.exchanges[at + X.FLAGS]!;
  const backend = core.runtime.backends[core.exchanges[at + X.BACKEND]!]!;
  const safe = (flags & (XF.REPLAYABLE | XF.IDEMPOTENT)) === (XF.REPLAYABLE | XF.IDEMPOTENT);
  const partial = core.exchanges[at + X.FILL] !== 0;
  if (!safe || partial || core.exchanges[at + X.RETRIES]! >= backend.plan.retries) return false;
  countFailure(core, core.exchanges[at + X.SERVER]!, backend, CODE.SERVER_CLOSED_EARLY);
  repeat(core, x, backend);
  return true;
}

/** What was handed over outside a body's relay was sent: a 1xx, our own answer, or a whole answer. */
export function answerSent(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const state = cells[at + X.STATE]!;
  if (state === XS.ANSWERING) {
    completeExchange(core, x);
    return;
  }
  if ((cells[at + X.FLAGS]! & XF.FINAL) !== 0) {
    completeExchange(core, x);
    return;
  }
  // A 1xx.
  core.transport.pages.give(cells[at + X.OUT_PAGE]!, cells[at + X.OUT_CLASS]!);
  cells[at + X.OUT_PAGE] = -1;
  const upstream = cells[at + X.UPSTREAM]!;
  if (state !== XS.WAITING || upstream < 0) return;
  const fill = cells[at + X.FILL]!;
  const page = cells[at + X.DOWN + RELAY.PAGE]!;
  if (fill > 0) readResponse(core, x, upstream, page, page + fill);
  else receiveAnswer(core, upstream);
}
