// @hot
import { CODE } from "#base/errors.ts";
import { decodeChunked, relayChunked } from "#http/chunked.ts";
import { FRAMING } from "#http/head.ts";
import { writeChunkHeader, writeCrlf } from "#http/serialise.ts";
import { PAGE_SIZES } from "#io/pages.ts";
import { PROCESS_TOTALS } from "#plan/board.ts";
import { failExchange } from "./answer.ts";
import { keepAhead } from "./client-socket.ts";
import { completeExchange } from "./complete.ts";
import type { Core } from "./core.ts";
import { clientMoved, serverMoved, setDeadlines } from "./deadlines.ts";
import { abortExchange, releaseServer } from "./exchange.ts";
import { ENCODING, N, RELAY, RS, UP, X, XF } from "./tables.ts";
import { openTunnel } from "./tunnel.ts";
import { releaseUpstream } from "./upstream-socket.ts";
import { watchClient } from "./watch.ts";

/**
 * Bodies. A relay is one direction of an exchange: it reads into its one page, makes what came
 * unambiguous, sends it, and only then reads again: a slow reader stops its writer, and an exchange
 * never holds more than a page each way. Large plain bodies do not come here at all: the kernel
 * moves them (splice).
 *
 *      READ ──bytes──► decode, re-frame ──► WRITE ──sent──► READ … DONE
 */

/** Room before the bytes read, for a chunk header, and behind them, for CRLF and the last chunk. */
const BEFORE = 12;
const AFTER = 16;
/** From this many bytes on, moving them inside the kernel pays. */
const SPLICE_FROM = 65_536;
const SPLICE_MOST = 1 << 20;
const EMFILE = 24;
const ENFILE = 23;

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
  if (kept > 0) {
    cells[relay + RELAY.KEPT] = 0;
    cells[relay + RELAY.STATE] = RS.READ;
    relayReceived(core, x, relay, kept);
  } else readOn(core, x, relay);
}

/**
 * Makes the relay's page one that suits how fast its body comes: as small as a stream of drops
 * needs, larger once a read filled it, and small whatever comes when memory is short. What is kept
 * moves along. False when there is none at all.
 */
function fitPage(core: Core, relay: number): boolean {
  const cells = core.exchanges;
  const old = cells[relay + RELAY.PAGE]!;
  const kept = cells[relay + RELAY.KEPT]!;
  let size = cells[relay + RELAY.FULL] === 1 ? 2 : 1;
  if (old >= 0 && cells[relay + RELAY.CLASS] === size) return true;
  let page = core.takePage(size);
  if (page < 0) {
    // Trailers that are kept may fill a small page.
    if (old >= 0 && (kept === 0 || cells[relay + RELAY.CLASS] !== 0)) return true;
    size = kept === 0 ? 0 : 1;
    page = core.transport.pages.take(size);
    if (page < 0) return false;
  }
  if (old >= 0) {
    core.memory.copyWithin(page + BEFORE, old + BEFORE, old + BEFORE + kept);
    core.transport.pages.give(old, cells[relay + RELAY.CLASS]!);
  }
  cells[relay + RELAY.PAGE] = page;
  cells[relay + RELAY.CLASS] = size;
  return true;
}

/** Lets the kernel move what is left of a large body. False when that cannot be. */
function splice(core: Core, x: number, relay: number): boolean {
  const cells = core.exchanges;
  const left = core.numbers[leftCell(x, relay)]!;
  const least = cells[relay + RELAY.STATE] === RS.SPLICE ? 1 : SPLICE_FROM;
  if (left < least || (cells[x * X.size + X.FLAGS]! & XF.COPIED) !== 0) return false;
  const to = cells[relay + RELAY.TO]!;
  if (!core.transport.splice(cells[relay + RELAY.FROM]!, to, Math.min(left, SPLICE_MOST))) {
    return false;
  }
  cells[relay + RELAY.STATE] = RS.SPLICE;
  setDeadlines(core, x);
  return true;
}

/** Waits for the next bytes of the body. */
export function readOn(core: Core, x: number, relay: number): void {
  const cells = core.exchanges;
  const from = cells[relay + RELAY.FROM]!;
  const decoder = cells[relay + RELAY.DECODER]!;
  if (decoder === FRAMING.LENGTH && !isUp(relay) && splice(core, x, relay)) return;
  if (!fitPage(core, relay)) {
    failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
    return;
  }
  const kept = cells[relay + RELAY.KEPT]!;
  const page = cells[relay + RELAY.PAGE]! + BEFORE + kept;
  let room = PAGE_SIZES[cells[relay + RELAY.CLASS]!]! - BEFORE - AFTER - kept;
  if (decoder === FRAMING.LENGTH) room = Math.min(room, core.numbers[leftCell(x, relay)]!);
  cells[relay + RELAY.STATE] = RS.READ;
  core.transport.receiveInto(from, page, room);
  setDeadlines(core, x);
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
  const room = PAGE_SIZES[cells[relay + RELAY.CLASS]!]! - BEFORE - AFTER;
  cells[relay + RELAY.FULL] = kept + result === room ? 1 : 0;
  if (isUp(relay)) core.numbers[x * N.size + N.BYTES_IN]! += result;
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
  const framed = cells[relay + RELAY.ENCODER] === ENCODING.CHUNKED;
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
    cells[relay + RELAY.KEPT_AT] = out.consumed;
  }
  if (written === 0 && !out.done) {
    readOn(core, x, relay);
    return;
  }
  send(core, x, relay, start, start + written, out.done);
}

/**
 * Counts a chunked request body against the frontend's limit. True when that ended the exchange.
 */
function isOverLimit(core: Core, x: number, payload: number): boolean {
  const at = x * X.size;
  const frontend = core.runtime.frontends[core.exchanges[at + X.FRONTEND]!]!;
  const bytes = core.numbers[x * N.size + N.UP_BYTES]! + payload;
  core.numbers[x * N.size + N.UP_BYTES] = bytes;
  if (bytes <= frontend.plan.maxBodyBytes) return false;
  core.exchanges[at + X.UP + RELAY.STATE] = RS.OFF;
  failExchange(core, x, CODE.REQUEST_BODY_TOO_LARGE);
  return true;
}

/**
 * Bytes behind the end of a body: the client's next request; a server has no business sending any.
 */
function relayExtra(core: Core, x: number, relay: number, from: number, end: number): void {
  const at = x * X.size;
  if (!isUp(relay)) {
    core.exchanges[at + X.FLAGS]! &= ~XF.REUSABLE;
    return;
  }
  core.numbers[x * N.size + N.BYTES_IN]! -= end - from;
  keepAhead(core, core.exchanges[at + X.CLIENT]!, from, end);
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
  if (core.exchanges[relay + RELAY.ENCODER] === ENCODING.CHUNKED && to > from) {
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
  if (isUp(relay)) core.upstreams[cells[relay + RELAY.TO]! * UP.size + UP.SENDING] = 1;
  else {
    core.numbers[x * N.size + N.BYTES_OUT]! += end - from;
    cells[x * X.size + X.SENDING] = 1;
  }
  if (last) bodyRead(core, x, relay);
  // A full page means that more is here already: the kernel may wait for it.
  const more = !last && cells[relay + RELAY.FULL] === 1;
  core.transport.send(cells[relay + RELAY.TO]!, from, end - from, more);
  setDeadlines(core, x);
}

/** The whole body has been read. The server's part is over when that was its answer. */
function bodyRead(core: Core, x: number, relay: number): void {
  core.exchanges[relay + RELAY.DECODER] = FRAMING.NONE;
  if (isUp(relay)) return;
  releaseUpstream(core, x);
  releaseServer(core, x);
}

export function relaySent(core: Core, x: number, relay: number): void {
  const cells = core.exchanges;
  if (cells[relay + RELAY.DECODER] === FRAMING.NONE) {
    relayDone(core, x, relay);
    return;
  }
  if (cells[relay + RELAY.DECODER] === FRAMING.TUNNEL) {
    openTunnel(core, x);
    return;
  }
  const kept = cells[relay + RELAY.KEPT]!;
  if (kept > 0) {
    const from = cells[relay + RELAY.KEPT_AT]!;
    core.memory.copyWithin(cells[relay + RELAY.PAGE]! + BEFORE, from, from + kept);
  }
  readOn(core, x, relay);
}

/** The direction is finished: read, sent, acknowledged by our kernel. */
function relayDone(core: Core, x: number, relay: number): void {
  core.exchanges[relay + RELAY.STATE] = RS.DONE;
  if (isUp(relay)) {
    setDeadlines(core, x);
    // From now on only the client's leaving, or a request sent ahead, can come from there.
    watchClient(core, x);
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
  if (decoder === FRAMING.CLOSE && result === 0) {
    const start = cells[relay + RELAY.PAGE]! + BEFORE;
    if (cells[relay + RELAY.ENCODER] !== ENCODING.CHUNKED) {
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

/** The kernel moved bytes from one side to the other. */
export function relaySpliced(core: Core, x: number, relay: number, result: number): void {
  if (result === -EMFILE || result === -ENFILE) {
    // No descriptors for it, and no byte lost: the body goes by way of our memory.
    core.totals.process[PROCESS_TOTALS.NO_DESCRIPTORS]!++;
    core.exchanges[x * X.size + X.FLAGS]! |= XF.COPIED;
    readOn(core, x, relay);
    return;
  }
  if (result <= 0) {
    relayEnded(core, x, relay, result);
    return;
  }
  const left = core.numbers[leftCell(x, relay)]! - result;
  core.numbers[leftCell(x, relay)] = left;
  core.totals.process[PROCESS_TOTALS.SPLICED_BYTES]! += result;
  clientMoved(core, x, result - core.exchanges[x * X.size + X.SPLICED]!);
  serverMoved(core, x, result);
  core.exchanges[x * X.size + X.SPLICED] = 0;
  const bytes = isUp(relay) ? N.BYTES_IN : N.BYTES_OUT;
  core.numbers[x * N.size + bytes]! += result;
  if (left > 0) {
    readOn(core, x, relay);
    return;
  }
  bodyRead(core, x, relay);
  relayDone(core, x, relay);
}
