// @hot
import { CODE } from "#base/errors.ts";
import { beginChunked, decodeChunked, relayChunked } from "#http/chunked.ts";
import { FRAMING, type Head } from "#http/head.ts";
import { parseResponse } from "#http/response-parser.ts";
import { writeChunkHeader, writeCrlf } from "#http/serialise.ts";
import { classFor, PAGE_SIZES } from "#io/pages.ts";
import { FRONTEND_TOTALS, PROCESS_TOTALS, SERVER } from "#plan/board.ts";
import { failExchange } from "./answer.ts";
import { completeExchange } from "./complete.ts";
import type { Core } from "./core.ts";
import { ALL, serverMoved, setDeadlines } from "./deadlines.ts";
import { releaseServer } from "./exchange.ts";
import { CONNECTION, editsBytes, endHead, RESPONSE_ROOM, writeResponse } from "./forward.ts";
import { receiveAnswer } from "./idle.ts";
import { retry, retryAnswer } from "./retry.ts";
import { cookieRoom, hideSetCookies, writeSetCookies } from "./sticky.ts";
import { CF, CLIENT, ENCODING, N, RELAY, RS, UP, X, XF, XS } from "./tables.ts";
import { isUploaded, releaseUpstream } from "./upstream-socket.ts";

/** Room in an answer's page for a chunk header before and CRLF after the first bytes of a body. */
const FRAME_ROOM = 32;
/** In place of a size class: the answer is written over the request it belongs to. */
const SAME_PAGE = 100;

/** How much may be read beyond the longest head when one comes in pieces. */
const HEAD_SLACK = 4096;

/** Of 1xx answers to a request: each gives the server its whole time again. */
const MOST_INTERIMS = 100;

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

/** Reads heads from `start` on, up to the final one. The bytes up to `end` stay the caller's. */
function readResponse(core: Core, x: number, upstream: number, start: number, end: number): void {
  const head = core.responseHead;
  const method = core.exchanges[x * X.size + X.METHOD]!;
  let from = start;
  for (;;) {
    const parsed = parseResponse(core.memory, from, end, head, core.limits, method);
    if (parsed < 0) {
      retry(core, x, -parsed);
      return;
    }
    if (parsed === 0) {
      keepHead(core, x, upstream, from, end);
      return;
    }
    if (head.status >= 200 || head.status === 101) {
      respond(core, x, upstream, from, parsed, end);
      return;
    }
    if (++core.exchanges[x * X.size + X.INTERIMS]! > MOST_INTERIMS) {
      retry(core, x, CODE.RESPONSE_MALFORMED);
      return;
    }
    serverMoved(core, x, ALL);
    core.exchanges[x * X.size + X.FILL] = 0;
    if (interim(core, x, from, parsed)) {
      // What follows is read when that was sent: answerSent.
      if (parsed < end) keep(core, x, parsed, end);
      setDeadlines(core, x);
      return;
    }
    from = parsed;
    if (from === end) {
      receiveAnswer(core, upstream);
      setDeadlines(core, x);
      return;
    }
  }
}

/** Keeps part of a head and waits for the rest. */
function keepHead(core: Core, x: number, upstream: number, from: number, end: number): void {
  if (!keep(core, x, from, end)) return;
  const relay = x * X.size + X.DOWN;
  const fill = end - from;
  // Not more of the body than a page has room for behind the head as it is sent.
  const most = core.limits.headBytes + HEAD_SLACK;
  const room = Math.min(PAGE_SIZES[core.exchanges[relay + RELAY.CLASS]!]!, most) - fill;
  core.transport.receiveInto(upstream, core.exchanges[relay + RELAY.PAGE]! + fill, room);
}

/**
 * Moves what is there of an answer to the start of the page that the body will use later, with some
 * room behind it. False when there is no memory for it, and the exchange failed.
 */
function keep(core: Core, x: number, from: number, end: number): boolean {
  const cells = core.exchanges;
  const relay = x * X.size + X.DOWN;
  const fill = end - from;
  const old = cells[relay + RELAY.PAGE]!;
  const size = classFor(Math.min(fill + HEAD_SLACK / 2, core.limits.headBytes + HEAD_SLACK));
  let page = old;
  if (old < 0 || cells[relay + RELAY.CLASS]! < size) {
    page = core.transport.pages.take(size);
    if (page < 0) {
      core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
      failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
      return false;
    }
  }
  if (from !== page) core.memory.copyWithin(page, from, end);
  if (page !== old) {
    if (old >= 0) core.transport.pages.give(old, cells[relay + RELAY.CLASS]!);
    cells[relay + RELAY.PAGE] = page;
    cells[relay + RELAY.CLASS] = size;
  }
  cells[x * X.size + X.FILL] = fill;
  return true;
}

/** Passes a 1xx answer on to a client that knows of such. False when it was left out. */
function interim(core: Core, x: number, from: number, parsed: number): boolean {
  const at = x * X.size;
  const cells = core.exchanges;
  if ((cells[at + X.FLAGS]! & XF.OLD) !== 0 || cells[at + X.SENDING] !== 0) return false;
  const slot = cells[at + X.FRONTEND]!;
  const frontend = core.runtime.frontends[slot]!;
  const size = classFor(parsed - from + RESPONSE_ROOM + frontend.via.length);
  const out = size < 0 ? -1 : core.transport.pages.take(size);
  if (out < 0) return false;
  cells[at + X.OUT_PAGE] = out;
  cells[at + X.OUT_CLASS] = size;
  const bytes = core.memory;
  const head = core.responseHead;
  let to = writeResponse(frontend, bytes, head, undefined, false, CONNECTION.NOTHING, bytes, out);
  to = endHead(bytes, to);
  cells[at + X.SENDING] = 1;
  core.numbers[x * N.size + N.BYTES_OUT]! += to - out;
  core.numbers[x * N.size + N.HEAD_OUT]! += to - out;
  core.totals.frontends[slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.STATUS_1XX]!++;
  core.transport.send(cells[at + X.CLIENT]!, out, to - out, false);
  return true;
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
  const frontend = core.runtime.frontends[cells[at + X.FRONTEND]!]!;
  const slot = cells[at + X.SERVER]!;
  if (head.status === 101 && (cells[at + X.FLAGS]! & XF.UPGRADE) === 0) {
    retry(core, x, CODE.RESPONSE_MALFORMED);
    return;
  }
  if (retryAnswer(core, x, head.status)) return;
  if (core.board.servers[slot * SERVER.size + SERVER.FAILURES] !== 0) {
    Atomics.store(core.board.servers, slot * SERVER.size + SERVER.FAILURES, 0);
  }
  if (core.numbers[x * N.size + N.FIRST]! < 0) core.numbers[x * N.size + N.FIRST] = core.nowMs;
  cells[at + X.STATUS] = head.status;
  cells[at + X.STATE] = XS.RESPONDING;
  if (head.keepAlive) cells[at + X.FLAGS]! |= XF.REUSABLE;
  core.numbers[x * N.size + N.SERVER_LEFT] = backend.plan.timeouts.serverMs;
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
    frontend.via.length +
    FRAME_ROOM +
    body +
    (edits === undefined ? 0 : editsBytes(edits)) +
    cookieRoom(core, backend);
  const size = whole && fitsRequestPage(core, x, upstream, room) ? SAME_PAGE : classFor(room);
  const out = takeOut(core, x, size);
  if (out < 0) {
    core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
    failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
    return;
  }
  const to = writeHead(core, x, encoder, out);
  const more = !whole && end - from >= core.transport.bufferBytes;
  sendFirst(core, x, upstream, parsed, end, out, size, to, encoder, whole, body, more);
}

/**
 * A whole answer may take the place of the request, which nobody needs any more once it was sent:
 * memory just used is memory in the processor's cache. What the log keeps lies behind both.
 */
function fitsRequestPage(core: Core, x: number, upstream: number, room: number): boolean {
  const at = x * X.size;
  if (core.upstreams[upstream * UP.size + UP.SENDING] !== 0 || !isUploaded(core, x)) return false;
  // A connection of an earlier attempt may still be sending it.
  if (core.exchanges[at + X.HOLD] !== 0) return false;
  return room <= core.exchanges[at + X.LINE_AT]! - core.exchanges[at + X.PAGE]!;
}

/** Where an answer is written to, or -1. */
function takeOut(core: Core, x: number, size: number): number {
  if (size === SAME_PAGE) return core.exchanges[x * X.size + X.PAGE]!;
  return size < 0 ? -1 : core.transport.pages.take(size);
}

/** How the body goes on to the client, and whether its connection lives on. */
function settleFraming(core: Core, x: number, head: Head): number {
  const at = x * X.size;
  const cells = core.exchanges;
  const open = head.framing === FRAMING.CHUNKED || head.framing === FRAMING.CLOSE;
  const old = (cells[at + X.FLAGS]! & XF.OLD) !== 0;
  const frontend = core.runtime.frontends[cells[at + X.FRONTEND]!]!;
  const client = cells[at + X.CLIENT]! * CLIENT.size;
  const unread = !isUploaded(core, x);
  const leaving = (core.clients[client + CLIENT.FLAGS]! & (CF.EOF | CF.LAST)) !== 0;
  if ((open && old) || unread || leaving || core.draining || frontend.retired) {
    cells[at + X.FLAGS]! |= XF.CLOSE;
  }
  return open && !old && head.status !== 101 ? ENCODING.CHUNKED : ENCODING.IDENTITY;
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
    encoder === ENCODING.CHUNKED,
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
  more: boolean,
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
      retry(core, x, CODE.RESPONSE_MALFORMED);
      return;
    }
    done = cells[relay + RELAY.DECODER] === FRAMING.NONE;
  } else if (framing === FRAMING.CLOSE && encoder === ENCODING.CHUNKED) {
    to = writeChunk(core, parsed, end, headEnd);
  } else if (body > 0) {
    core.memory.copyWithin(headEnd, parsed, parsed + body);
    to = headEnd + body;
    core.numbers[x * N.size + N.DOWN_LEFT]! -= body;
  }
  // More than the body: that server is not to be trusted with another request.
  if (whole && end - parsed > body) cells[at + X.FLAGS]! &= ~XF.REUSABLE;
  adoptPage(core, x, out, size, done);
  cells[at + X.FLAGS]! |= XF.ANSWERED | XF.FINAL;
  cells[at + X.SENDING] = 1;
  core.numbers[x * N.size + N.BYTES_OUT]! += to - out;
  core.numbers[x * N.size + N.HEAD_OUT]! += headEnd - out;
  if (done) {
    cells[relay + RELAY.DECODER] = FRAMING.NONE;
    releaseUpstream(core, x);
    releaseServer(core, x);
  } else cells[relay + RELAY.STATE] = RS.WRITE;
  core.transport.send(socket, out, to - out, more && !done);
  setDeadlines(core, x);
}

/**
 * The page just written becomes the body's when more is to come, else it goes with the exchange.
 */
function adoptPage(core: Core, x: number, out: number, size: number, done: boolean): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const relay = at + X.DOWN;
  const pages = core.transport.pages;
  if (cells[at + X.OUT_PAGE]! >= 0) pages.give(cells[at + X.OUT_PAGE]!, cells[at + X.OUT_CLASS]!);
  cells[at + X.OUT_PAGE] = -1;
  if (size === SAME_PAGE) return;
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
    encoder === ENCODING.CHUNKED
      ? relayChunked(bytes, to, stop, to, cells, state, out)
      : decodeChunked(bytes, to, stop, to, cells, state, out);
  if (written < 0) return written;
  if (out.done) {
    cells[relay + RELAY.DECODER] = FRAMING.NONE;
    if (out.consumed < stop) cells[x * X.size + X.FLAGS]! &= ~XF.REUSABLE;
  } else if (out.consumed < stop) {
    cells[relay + RELAY.KEPT] = stop - out.consumed;
    cells[relay + RELAY.KEPT_AT] = out.consumed;
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

/**
 * What was handed over outside a body's relay was sent: a 1xx, our own answer, or a whole answer.
 */
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
  setDeadlines(core, x);
  const fill = cells[at + X.FILL]!;
  const page = cells[at + X.DOWN + RELAY.PAGE]!;
  if (fill > 0) readResponse(core, x, upstream, page, page + fill);
  else receiveAnswer(core, upstream);
}
