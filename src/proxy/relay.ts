// @hot
import { CODE } from "#base/errors.ts";
import { decodeChunked, relayChunked } from "#http/chunked.ts";
import { FRAMING } from "#http/head.ts";
import { writeChunkHeader, writeCrlf } from "#http/serialise.ts";
import { PAGE_SIZES } from "#io/pages.ts";
import { PROCESS_TOTALS } from "#plan/board.ts";
import { releaseServer } from "./assign.ts";
import { receiveMore } from "./client.ts";
import type { Core } from "./core.ts";
import { abortExchange, completeExchange, failExchange } from "./exchange.ts";
import { CLIENT, N, RELAY, RS, X, XF, XS } from "./tables.ts";
import { releaseUpstream } from "./upstream.ts";

/**
 * Bodies. A relay is one direction of an exchange: it reads into its one page, makes what came
 * unambiguous, sends it, and only then reads again: a slow reader stops its writer, and an exchange
 * never holds more than a page each way. Large plain bodies do not come here at all: the kernel moves
 * them (splice).
 *
 *      READ ──bytes──► decode, re-frame ──► WRITE ──sent──► READ … DONE
 */

/** Room before the bytes read, for a chunk header, and behind them, for CRLF and the last chunk. */
const BEFORE = 12;
const AFTER = 16;
/** From this many bytes on, moving them inside the kernel pays. */
const SPLICE_FROM = 65_536;
const SPLICE_MOST = 1 << 20;

export const IDENTITY = 0;
export const CHUNKED = 1;

const isUp = (relay: number): boolean => relay % X.size === X.UP;

/** The number that counts what is left of a LENGTH body. */
function leftCell(x: number, relay: number): number {
  return x * N.size + (isUp(relay) ? N.UP_LEFT : N.DOWN_LEFT);
}

/** The request's head is with the server; now the rest of its body. */
export function beginUpload(core: Core, x: number, upstream: number): void {
  const at = x * X.size;
  const relay = at + X.UP;
  const cells = core.exchanges;
  cells[at + X.FLAGS]! &= ~XF.REPLAYABLE;
  cells[relay + RELAY.FROM] = cells[at + X.CLIENT]!;
  cells[relay + RELAY.TO] = upstream;
  const kept = cells[relay + RELAY.KEPT]!;
  if (cells[relay + RELAY.PAGE]! < 0 && !takePage(core, relay, core.numbers[leftCell(x, relay)]!)) {
    failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
    return;
  }
  if (kept > 0) {
    cells[relay + RELAY.KEPT] = 0;
    cells[relay + RELAY.STATE] = RS.READ;
    relayReceived(core, x, relay, kept);
  } else readOn(core, x, relay);
}

/** Takes the relay's page, of a size that suits `bytes` to come. False when there is none. */
export function takePage(core: Core, relay: number, bytes: number): boolean {
  let size = bytes > PAGE_SIZES[1]! ? 2 : 1;
  let page = core.transport.pages.take(size);
  if (page < 0 && size === 2) {
    size = 1;
    page = core.transport.pages.take(size);
  }
  if (page < 0) {
    core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
    return false;
  }
  core.exchanges[relay + RELAY.PAGE] = page;
  core.exchanges[relay + RELAY.CLASS] = size;
  return true;
}

/** Waits for the next bytes of the body. */
export function readOn(core: Core, x: number, relay: number): void {
  const cells = core.exchanges;
  const from = cells[relay + RELAY.FROM]!;
  const decoder = cells[relay + RELAY.DECODER]!;
  if (decoder === FRAMING.LENGTH && core.numbers[leftCell(x, relay)]! >= SPLICE_FROM) {
    const bytes = Math.min(core.numbers[leftCell(x, relay)]!, SPLICE_MOST);
    if (cells[relay + RELAY.ENCODER] === IDENTITY && !isUp(relay)) {
      if (core.transport.splice(from, cells[relay + RELAY.TO]!, bytes)) {
        cells[relay + RELAY.STATE] = RS.SPLICE;
        setDeadlines(core, x, relay);
        return;
      }
    }
  }
  const kept = cells[relay + RELAY.KEPT]!;
  const page = cells[relay + RELAY.PAGE]! + BEFORE + kept;
  let room = PAGE_SIZES[cells[relay + RELAY.CLASS]!]! - BEFORE - AFTER - kept;
  if (decoder === FRAMING.LENGTH) room = Math.min(room, core.numbers[leftCell(x, relay)]!);
  cells[relay + RELAY.STATE] = RS.READ;
  core.transport.receiveInto(from, page, room);
  setDeadlines(core, x, relay);
}

/** Reading waits for one side, writing for the other; each has its own patience. */
function setDeadlines(core: Core, x: number, relay: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const client = cells[at + X.CLIENT]!;
  const upstream = cells[at + X.UPSTREAM]!;
  const tunnel = cells[at + X.STATE] === XS.TUNNEL;
  const backend = core.runtime.backends[cells[at + X.BACKEND]!]!;
  const frontend = core.runtime.frontends[cells[at + X.FRONTEND]!]!;
  if (tunnel) {
    core.timers.set(client, core.nowMs, backend.plan.timeouts.tunnelMs);
    if (upstream >= 0) core.timers.clear(upstream);
    return;
  }
  const state = cells[relay + RELAY.STATE]!;
  const clientsTurn = isUp(relay) === (state === RS.READ);
  if (clientsTurn || state === RS.SPLICE) {
    core.timers.set(client, core.nowMs, frontend.plan.timeouts.clientMs);
  } else if (!isUp(relay)) core.timers.clear(client);
  if (upstream >= 0 && (!clientsTurn || state === RS.SPLICE)) {
    core.timers.set(upstream, core.nowMs, backend.plan.timeouts.serverMs);
  } else if (upstream >= 0 && isUp(relay)) {
    core.timers.set(upstream, core.nowMs, backend.plan.timeouts.serverMs);
  }
}

/** `result` bytes came behind what was kept; or the end, or an error. */
export function relayReceived(core: Core, x: number, relay: number, result: number): void {
  if (result <= 0) {
    relayEnded(core, x, relay, result);
    return;
  }
  const cells = core.exchanges;
  const start = cells[relay + RELAY.PAGE]! + BEFORE;
  const kept = cells[relay + RELAY.KEPT]!;
  const end = start + kept + result;
  countBytes(core, x, relay, result);
  switch (cells[relay + RELAY.DECODER]) {
    case FRAMING.LENGTH: {
      const left = core.numbers[leftCell(x, relay)]! - result;
      core.numbers[leftCell(x, relay)] = left;
      write(core, x, relay, start, end, left === 0);
      return;
    }
    case FRAMING.CHUNKED:
      relayChunks(core, x, relay, start, end);
      return;
    default:
      write(core, x, relay, start, end, false);
  }
}

function relayChunks(core: Core, x: number, relay: number, start: number, end: number): void {
  const cells = core.exchanges;
  const out = core.chunk;
  const state = relay + RELAY.CHUNK;
  const framed = cells[relay + RELAY.ENCODER] === CHUNKED;
  cells[relay + RELAY.KEPT] = 0;
  const written = framed
    ? relayChunked(core.memory, start, end, start, cells, state, out)
    : decodeChunked(core.memory, start, end, start, cells, state, out);
  if (written < 0) {
    const code = isUp(relay) ? CODE.BODY_MALFORMED : CODE.RESPONSE_BODY_MALFORMED;
    cells[relay + RELAY.STATE] = RS.OFF;
    failExchange(core, x, code);
    return;
  }
  if (isUp(relay) && isOverLimit(core, x, out.payload)) return;
  if (out.done) {
    if (out.consumed < end) relayExtra(core, x, relay, out.consumed, end);
  } else if (out.consumed < end) {
    // Trailers that are not whole: keep them at the page's start, read on behind them.
    cells[relay + RELAY.KEPT] = end - out.consumed;
    if (written === 0) {
      core.memory.copyWithin(start, out.consumed, end);
      readOn(core, x, relay);
      return;
    }
    // They move down when what is before them was sent: remember where they are.
    cells[relay + RELAY.CHUNK + 7] = out.consumed;
  }
  if (written === 0 && !out.done) {
    readOn(core, x, relay);
    return;
  }
  send(core, x, relay, start, start + written, out.done);
}

/** Counts a chunked request body against the frontend's limit. True when that ended the exchange. */
function isOverLimit(core: Core, x: number, payload: number): boolean {
  const at = x * X.size;
  const frontend = core.runtime.frontends[core.exchanges[at + X.FRONTEND]!]!;
  const bytes = core.numbers[x * N.size + N.UP_BYTES]! + payload;
  core.numbers[x * N.size + N.UP_BYTES] = bytes;
  if (frontend.plan.maxBodyBytes === 0 || bytes <= frontend.plan.maxBodyBytes) return false;
  core.exchanges[at + X.UP + RELAY.STATE] = RS.OFF;
  failExchange(core, x, CODE.REQUEST_BODY_TOO_LARGE);
  return true;
}

/** Bytes behind the end of a body: the client's next request; a server has no business sending any. */
function relayExtra(core: Core, x: number, relay: number, from: number, end: number): void {
  const at = x * X.size;
  if (!isUp(relay)) {
    core.exchanges[at + X.FLAGS]! &= ~XF.REUSABLE;
    return;
  }
  const client = core.exchanges[at + X.CLIENT]! * CLIENT.size;
  const size = end - from <= PAGE_SIZES[0]! ? 0 : end - from <= PAGE_SIZES[1]! ? 1 : 2;
  const page = core.transport.pages.take(size);
  if (page < 0) {
    core.exchanges[at + X.FLAGS]! |= XF.CLOSE;
    return;
  }
  core.memory.copyWithin(page, from, end);
  core.clients[client + CLIENT.PAGE] = page;
  core.clients[client + CLIENT.PAGE_CLASS] = size;
  core.clients[client + CLIENT.NEXT_BUFFER] = -1;
  core.clients[client + CLIENT.NEXT_AT] = page;
  core.clients[client + CLIENT.NEXT_BYTES] = end - from;
}

/** Sends decoded bytes [start, end) with the framing the other side gets. */
function write(
  core: Core,
  x: number,
  relay: number,
  start: number,
  end: number,
  last: boolean,
): void {
  let from = start;
  let to = end;
  if (core.exchanges[relay + RELAY.ENCODER] === CHUNKED && to > from) {
    const header = writeChunkHeader(core.memory, start - BEFORE, end - start) - (start - BEFORE);
    from = start - header;
    core.memory.copyWithin(from, start - BEFORE, start - BEFORE + header);
    to = writeCrlf(core.memory, end);
  }
  send(core, x, relay, from, to, last);
}

function send(
  core: Core,
  x: number,
  relay: number,
  from: number,
  end: number,
  last: boolean,
): void {
  const cells = core.exchanges;
  cells[relay + RELAY.STATE] = RS.WRITE;
  if (last) bodyRead(core, x, relay);
  if (!isUp(relay)) {
    core.numbers[x * N.size + N.BYTES_OUT]! += end - from;
    cells[x * X.size + X.SENDING] = 1;
  }
  core.transport.send(cells[relay + RELAY.TO]!, from, end - from, !last);
  setDeadlines(core, x, relay);
}

/** The whole body has been read. The server's part is over when that was its answer. */
function bodyRead(core: Core, x: number, relay: number): void {
  core.exchanges[relay + RELAY.DECODER] = FRAMING.NONE;
  if (isUp(relay)) return;
  core.exchanges[x * X.size + X.FLAGS]! |= XF.DOWN_READ;
  releaseUpstream(core, x);
  releaseServer(core, x);
}

export function relaySent(core: Core, x: number, relay: number): void {
  const cells = core.exchanges;
  if (cells[relay + RELAY.DECODER] === FRAMING.NONE) {
    relayDone(core, x, relay);
    return;
  }
  if (
    cells[relay + RELAY.DECODER] === FRAMING.TUNNEL &&
    cells[x * X.size + X.STATE] !== XS.TUNNEL
  ) {
    openTunnel(core, x);
    return;
  }
  const kept = cells[relay + RELAY.KEPT]!;
  if (kept > 0) {
    const from = cells[relay + RELAY.CHUNK + 7]!;
    core.memory.copyWithin(cells[relay + RELAY.PAGE]! + BEFORE, from, from + kept);
  }
  readOn(core, x, relay);
}

/** The direction is finished: read, sent, acknowledged by our kernel. */
function relayDone(core: Core, x: number, relay: number): void {
  core.exchanges[relay + RELAY.STATE] = RS.DONE;
  const at = x * X.size;
  if (isUp(relay)) {
    const socket = core.exchanges[at + X.CLIENT]!;
    core.timers.clear(socket);
    // From now on only the client's leaving, or a request sent ahead, can come from there.
    if (core.clients[socket * CLIENT.size + CLIENT.NEXT_BYTES] === 0) receiveMore(core, socket);
    return;
  }
  completeExchange(core, x);
}

/** The end of what is read, or an error. Right for some framings only. */
function relayEnded(core: Core, x: number, relay: number, result: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const decoder = cells[relay + RELAY.DECODER]!;
  cells[relay + RELAY.STATE] = RS.OFF;
  if (decoder === FRAMING.TUNNEL) {
    tunnelEnded(core, x, relay, result);
    return;
  }
  if (decoder === FRAMING.CLOSE && result === 0) {
    const start = cells[relay + RELAY.PAGE]! + BEFORE;
    if (cells[relay + RELAY.ENCODER] !== CHUNKED) {
      bodyRead(core, x, relay);
      relayDone(core, x, relay);
      return;
    }
    const end = writeCrlf(core.memory, writeChunkHeader(core.memory, start, 0));
    send(core, x, relay, start, end, true);
    return;
  }
  const code = isUp(relay) ? CODE.CLIENT_ABORTED : CODE.SERVER_ABORTED;
  if (isUp(relay)) core.exchanges[at + X.FLAGS]! |= XF.CLOSE;
  abortExchange(core, x, code);
}

/** One side of a tunnel has said all: the other is told, and may still go on talking. */
function tunnelEnded(core: Core, x: number, relay: number, result: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  cells[relay + RELAY.STATE] = RS.DONE;
  const other = isUp(relay) ? at + X.DOWN : at + X.UP;
  if (result < 0 || cells[other + RELAY.STATE] === RS.DONE) {
    abortExchange(core, x, CODE.NONE);
    return;
  }
  core.transport.finish(cells[relay + RELAY.TO]!);
}

/** The kernel moved bytes from one side to the other. */
export function relaySpliced(core: Core, x: number, relay: number, result: number): void {
  if (result <= 0) {
    relayEnded(core, x, relay, result);
    return;
  }
  const left = core.numbers[leftCell(x, relay)]! - result;
  core.numbers[leftCell(x, relay)] = left;
  core.totals.process[PROCESS_TOTALS.SPLICED_BYTES]! += result;
  countBytes(core, x, relay, result);
  if (!isUp(relay)) core.numbers[x * N.size + N.BYTES_OUT]! += result;
  if (left > 0) {
    readOn(core, x, relay);
    return;
  }
  bodyRead(core, x, relay);
  relayDone(core, x, relay);
}

function countBytes(core: Core, x: number, relay: number, bytes: number): void {
  if (isUp(relay)) core.numbers[x * N.size + N.BYTES_IN]! += bytes;
}

/**
 * The head of a 101 was sent: from now on the connection is the two parties' own, and both directions
 * are blind. A receive from the client is usually under way already; see tunnelReceived.
 */
function openTunnel(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const client = cells[at + X.CLIENT]!;
  const row = client * CLIENT.size;
  const up = at + X.UP;
  cells[at + X.STATE] = XS.TUNNEL;
  cells[up + RELAY.DECODER] = FRAMING.TUNNEL;
  cells[up + RELAY.ENCODER] = IDENTITY;
  cells[up + RELAY.FROM] = client;
  cells[up + RELAY.TO] = cells[at + X.UPSTREAM]!;
  if (!takePage(core, up, 0)) {
    abortExchange(core, x, CODE.RESOURCE_EXHAUSTED);
    return;
  }
  readOn(core, x, at + X.DOWN);
  const early = core.clients[row + CLIENT.NEXT_BYTES]!;
  if (early === 0) {
    receiveMore(core, client);
    return;
  }
  const buffer = core.clients[row + CLIENT.NEXT_BUFFER]!;
  core.clients[row + CLIENT.NEXT_BYTES] = 0;
  core.clients[row + CLIENT.NEXT_BUFFER] = -1;
  tunnelReceived(core, x, up, early, core.clients[row + CLIENT.NEXT_AT]!, buffer);
}

/** The first bytes through a tunnel came in a pooled buffer, asked for before it was one. */
export function tunnelReceived(
  core: Core,
  x: number,
  relay: number,
  result: number,
  from: number,
  buffer: number,
): void {
  core.exchanges[relay + RELAY.STATE] = RS.READ;
  if (result > 0) {
    const to = core.exchanges[relay + RELAY.PAGE]! + BEFORE;
    core.memory.copyWithin(to, from, from + result);
  }
  if (buffer >= 0) core.transport.release(buffer);
  relayReceived(core, x, relay, result);
}
