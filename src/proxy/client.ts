// @hot
import { CODE } from "#base/errors.ts";
import { parseRequest } from "#http/request-parser.ts";
import { classFor, PAGE_SIZES } from "#io/pages.ts";
import { FRONTEND, FRONTEND_GAUGES, FRONTEND_TOTALS, PROCESS_TOTALS } from "#plan/board.ts";
import type { Core } from "./core.ts";
import { abortExchange, clientTimedOut, refuseRequest, unhold } from "./exchange.ts";
import { relayReceived, relaySent, relaySpliced, tunnelReceived } from "./relay.ts";
import { beginRequest } from "./request.ts";
import { answerSent } from "./response.ts";
import { CF, CLIENT, CS, KIND, RELAY, RS, X, XF, XS } from "./tables.ts";

const LF = 10;
/** After an answer that ends a connection: how much of what still comes is read, and how long. */
const LINGER_BYTES = 256 * 1024;
const LINGER_MS = 2000;
const EMFILE = 24;
const ENFILE = 23;

/** A connection came in, or could not. */
export function clientAccepted(core: Core, listener: number, socket: number): void {
  if (socket < 0) {
    const shortage = socket === -EMFILE || socket === -ENFILE;
    core.totals.process[shortage ? PROCESS_TOTALS.NO_DESCRIPTORS : PROCESS_TOTALS.ACCEPT_ERRORS]!++;
    return;
  }
  core.totals.process[PROCESS_TOTALS.ACCEPTS]!++;
  const slot = core.listeners[listener]!;
  const frontend = core.runtime.frontends[slot]!;
  const gauge = slot * FRONTEND.size + FRONTEND.CONNECTIONS;
  const at = socket * CLIENT.size;
  core.kinds[socket] = KIND.CLIENT;
  core.clients.fill(0, at, at + CLIENT.size);
  core.clients[at + CLIENT.FRONTEND] = slot;
  core.clients[at + CLIENT.EXCHANGE] = -1;
  core.clients[at + CLIENT.NEXT_BUFFER] = -1;
  core.clients[at + CLIENT.PAGE] = -1;
  core.connections++;
  core.totals.frontendGauges[slot * FRONTEND_GAUGES.size]!++;
  const now = Atomics.add(core.board.frontends, gauge, 1) + 1;
  if (now > frontend.plan.maxConnections || core.connections > core.maxConnections) {
    core.totals.frontends[slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.REFUSED]!++;
    closeClient(core, socket, false);
    return;
  }
  core.totals.frontends[slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.CONNECTIONS]!++;
  core.clients[at + CLIENT.STATE] = CS.IDLE;
  core.timers.set(socket, core.nowMs, frontend.plan.timeouts.requestMs);
  receiveMore(core, socket);
}

/** Asks for the next bytes unless that was done. */
export function receiveMore(core: Core, socket: number): void {
  const flags = socket * CLIENT.size + CLIENT.FLAGS;
  if ((core.clients[flags]! & (CF.RECEIVING | CF.EOF)) !== 0) return;
  core.clients[flags]! |= CF.RECEIVING;
  core.transport.receive(socket);
}

/** Bytes, the end, or an error from a client. */
export function clientReceived(
  core: Core,
  socket: number,
  result: number,
  from: number,
  buffer: number,
): void {
  const at = socket * CLIENT.size;
  const state = core.clients[at + CLIENT.STATE]!;
  if (state === CS.IDLE) {
    core.clients[at + CLIENT.FLAGS]! &= ~CF.RECEIVING;
    if (result > 0) readRequest(core, socket, from, from + result, buffer, 0);
    else closeClient(core, socket, false);
  } else if (state === CS.BUSY) {
    busyReceived(core, socket, result, from, buffer);
  } else if (state === CS.HEAD) {
    headReceived(core, socket, result);
  } else {
    if (buffer >= 0) core.transport.release(buffer);
    lingerReceived(core, socket, result);
  }
}

/** While an exchange is under way: the body, a request sent ahead, or a client that left. */
function busyReceived(
  core: Core,
  socket: number,
  result: number,
  from: number,
  buffer: number,
): void {
  const at = socket * CLIENT.size;
  const x = core.clients[at + CLIENT.EXCHANGE]!;
  const relay = x * X.size + X.UP;
  if (core.exchanges[relay + RELAY.STATE] === RS.READ) {
    relayReceived(core, x, relay, result);
    return;
  }
  core.clients[at + CLIENT.FLAGS]! &= ~(CF.RECEIVING | CF.INTO);
  if (core.exchanges[relay + RELAY.STATE] === RS.DROP) {
    core.exchanges[relay + RELAY.STATE] = RS.OFF;
    core.exchanges[x * X.size + X.FLAGS]! |= XF.CLOSE;
    if (result <= 0) core.clients[at + CLIENT.FLAGS]! |= CF.EOF;
    return;
  }
  if (core.exchanges[x * X.size + X.STATE] === XS.TUNNEL) {
    tunnelReceived(core, x, relay, result, from, buffer);
    return;
  }
  if (result > 0) {
    core.clients[at + CLIENT.NEXT_BUFFER] = buffer;
    core.clients[at + CLIENT.NEXT_AT] = from;
    core.clients[at + CLIENT.NEXT_BYTES] = result;
    return;
  }
  core.clients[at + CLIENT.FLAGS]! |= CF.EOF;
  if (result === 0) return;
  const queued = core.exchanges[x * X.size + X.STATE]! === XS.QUEUED;
  abortExchange(core, x, queued ? CODE.QUEUE_ABORTED : CODE.CLIENT_LEFT);
}

function headReceived(core: Core, socket: number, result: number): void {
  const at = socket * CLIENT.size;
  core.clients[at + CLIENT.FLAGS]! &= ~(CF.RECEIVING | CF.INTO);
  if (result <= 0) {
    core.clients[at + CLIENT.FLAGS]! |= CF.EOF;
    refuseRequest(core, socket, CODE.REQUEST_ABORTED, 0, 0);
    return;
  }
  const page = core.clients[at + CLIENT.PAGE]!;
  const before = core.clients[at + CLIENT.FILL]!;
  core.clients[at + CLIENT.FILL] = before + result;
  // Only a finished line can change what the parser says, or the head being over its limit.
  const lineEnded = core.memory.subarray(page + before, page + before + result).includes(LF);
  const full = before + result >= Math.min(core.limits.headBytes, PAGE_SIZES[1]!);
  if (lineEnded || full) readRequest(core, socket, page, page + before + result, -1, before);
  else growHead(core, socket);
}

/**
 * Reads a request head at [from, end), which lies in a pooled buffer or (buffer -1) in the client's
 * page. What is not a whole head yet is kept in the page.
 */
export function readRequest(
  core: Core,
  socket: number,
  from: number,
  end: number,
  buffer: number,
  before: number,
): void {
  const at = socket * CLIENT.size;
  const parsed = parseRequest(core.memory, from, end, core.requestHead, core.limits);
  if (parsed > 0) {
    beginRequest(core, socket, from, parsed, end, buffer);
    return;
  }
  if (parsed < 0) {
    refuseRequest(core, socket, -parsed, from, end);
    if (buffer >= 0) core.transport.release(buffer);
    return;
  }
  if (before === 0) {
    const frontend = core.runtime.frontends[core.clients[at + CLIENT.FRONTEND]!]!;
    core.timers.set(socket, core.nowMs, frontend.plan.timeouts.requestMs);
  }
  keepHead(core, socket, from, end, buffer);
}

/** Keeps part of a head in the client's own page and waits for the rest. */
function keepHead(core: Core, socket: number, from: number, end: number, buffer: number): void {
  const at = socket * CLIENT.size;
  let page = core.clients[at + CLIENT.PAGE]!;
  if (page < 0) {
    const size = classFor(end - from + 1);
    page = size < 0 ? -1 : core.transport.pages.take(size);
    if (page < 0) {
      core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
      if (buffer >= 0) core.transport.release(buffer);
      closeClient(core, socket, true);
      return;
    }
    core.clients[at + CLIENT.PAGE] = page;
    core.clients[at + CLIENT.PAGE_CLASS] = size;
  }
  if (from !== page) core.memory.copyWithin(page, from, end);
  if (buffer >= 0) core.transport.release(buffer);
  core.clients[at + CLIENT.FILL] = end - from;
  core.clients[at + CLIENT.STATE] = CS.HEAD;
  growHead(core, socket);
}

/** Asks for more of a head, in a larger page when this one is full. */
function growHead(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  const size = core.clients[at + CLIENT.PAGE_CLASS]!;
  const fill = core.clients[at + CLIENT.FILL]!;
  let page = core.clients[at + CLIENT.PAGE]!;
  if (fill === PAGE_SIZES[size]) {
    const larger = size + 1 < PAGE_SIZES.length ? core.transport.pages.take(size + 1) : -1;
    if (larger < 0) {
      core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
      closeClient(core, socket, true);
      return;
    }
    core.memory.copyWithin(larger, page, page + fill);
    core.transport.pages.give(page, size);
    core.clients[at + CLIENT.PAGE] = larger;
    core.clients[at + CLIENT.PAGE_CLASS] = size + 1;
    page = larger;
  }
  const room = PAGE_SIZES[core.clients[at + CLIENT.PAGE_CLASS]!]! - fill;
  core.clients[at + CLIENT.FLAGS]! |= CF.RECEIVING | CF.INTO;
  core.transport.receiveInto(socket, page + fill, room);
}

/** Gives back what held the bytes of a request, when nothing of them is needed any more. */
export function releaseNext(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  const buffer = core.clients[at + CLIENT.NEXT_BUFFER]!;
  if (buffer >= 0) core.transport.release(buffer);
  core.clients[at + CLIENT.NEXT_BUFFER] = -1;
  const page = core.clients[at + CLIENT.PAGE]!;
  if (page >= 0) core.transport.pages.give(page, core.clients[at + CLIENT.PAGE_CLASS]!);
  core.clients[at + CLIENT.PAGE] = -1;
  core.clients[at + CLIENT.NEXT_BYTES] = 0;
}

/** The exchange is over and its answer sent: on to the next request, or to the end. */
export function nextRequest(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  core.clients[at + CLIENT.EXCHANGE] = -1;
  core.clients[at + CLIENT.STATE] = CS.IDLE;
  const bytes = core.clients[at + CLIENT.NEXT_BYTES]!;
  const frontend = core.runtime.frontends[core.clients[at + CLIENT.FRONTEND]!]!;
  if (bytes > 0) {
    const from = core.clients[at + CLIENT.NEXT_AT]!;
    const buffer = core.clients[at + CLIENT.NEXT_BUFFER]!;
    core.clients[at + CLIENT.NEXT_BYTES] = 0;
    core.clients[at + CLIENT.NEXT_BUFFER] = -1;
    readRequest(core, socket, from, from + bytes, buffer, 0);
    return;
  }
  if (core.draining || frontend.retired || (core.clients[at + CLIENT.FLAGS]! & CF.EOF) !== 0) {
    closeClient(core, socket, false);
    return;
  }
  core.timers.set(socket, core.nowMs, frontend.plan.timeouts.keepAliveMs);
  receiveMore(core, socket);
}

/**
 * Ends a connection after a last answer so that the client can read it: our side is closed, and what
 * the client still sends is read for a while (RFC 9112 §9.6); an abrupt close could destroy the answer.
 */
export function lingerClient(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  if ((core.clients[at + CLIENT.FLAGS]! & CF.INTO) === 0) releaseNext(core, socket);
  if ((core.clients[at + CLIENT.FLAGS]! & CF.EOF) !== 0) {
    closeClient(core, socket, false);
    return;
  }
  core.clients[at + CLIENT.STATE] = CS.LINGER;
  core.clients[at + CLIENT.LINGERED] = 0;
  core.transport.finish(socket);
  core.timers.set(socket, core.nowMs, LINGER_MS);
  receiveMore(core, socket);
}

/** What still comes is not looked at. The first such receive may have gone into the exchange's memory. */
function lingerReceived(core: Core, socket: number, result: number): void {
  const at = socket * CLIENT.size;
  const x = core.clients[at + CLIENT.EXCHANGE]!;
  core.clients[at + CLIENT.FLAGS]! &= ~(CF.RECEIVING | CF.INTO);
  if (core.clients[at + CLIENT.STATE] !== CS.LINGER) return;
  if (x >= 0) {
    core.clients[at + CLIENT.EXCHANGE] = -1;
    unhold(core, x);
  }
  core.clients[at + CLIENT.LINGERED]! += result;
  if (result <= 0 || core.clients[at + CLIENT.LINGERED]! > LINGER_BYTES) {
    closeClient(core, socket, false);
  } else receiveMore(core, socket);
}

/** Closes the connection at once. An exchange it belongs to must have been ended. */
export function closeClient(core: Core, socket: number, reset: boolean): void {
  const at = socket * CLIENT.size;
  if (core.clients[at + CLIENT.STATE] === CS.CLOSING) return;
  core.clients[at + CLIENT.STATE] = CS.CLOSING;
  core.timers.clear(socket);
  const buffer = core.clients[at + CLIENT.NEXT_BUFFER]!;
  if (buffer >= 0) core.transport.release(buffer);
  core.clients[at + CLIENT.NEXT_BUFFER] = -1;
  core.transport.close(socket, reset);
}

export function clientClosed(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  const slot = core.clients[at + CLIENT.FRONTEND]!;
  const page = core.clients[at + CLIENT.PAGE]!;
  if (page >= 0) core.transport.pages.give(page, core.clients[at + CLIENT.PAGE_CLASS]!);
  core.connections--;
  core.totals.frontendGauges[slot * FRONTEND_GAUGES.size]!--;
  Atomics.sub(core.board.frontends, slot * FRONTEND.size + FRONTEND.CONNECTIONS, 1);
  const x = core.clients[at + CLIENT.EXCHANGE]!;
  core.clients[at + CLIENT.STATE] = CS.FREE;
  if (x >= 0) unhold(core, x);
}

/** Everything handed to the kernel for the client was sent, or the client is gone. */
export function clientSent(core: Core, socket: number, result: number): void {
  const x = core.clients[socket * CLIENT.size + CLIENT.EXCHANGE]!;
  if (x < 0) return;
  const at = x * X.size;
  core.exchanges[at + X.SENDING] = 0;
  if (result < 0) {
    core.clients[socket * CLIENT.size + CLIENT.FLAGS]! |= CF.EOF;
    abortExchange(core, x, CODE.CLIENT_ABORTED);
    return;
  }
  if (core.exchanges[at + X.DOWN + RELAY.STATE] === RS.WRITE) {
    relaySent(core, x, at + X.DOWN);
  } else answerSent(core, x);
}

export function clientSpliced(core: Core, socket: number, result: number): void {
  const x = core.clients[socket * CLIENT.size + CLIENT.EXCHANGE]!;
  relaySpliced(core, x, x * X.size + X.UP, result);
}

/** The client's deadline has come. */
export function clientDue(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  const slot = core.clients[at + CLIENT.FRONTEND]!;
  switch (core.clients[at + CLIENT.STATE]) {
    case CS.IDLE:
      closeClient(core, socket, false);
      return;
    case CS.HEAD:
      core.totals.frontends[slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.TIMEOUTS]!++;
      refuseRequest(core, socket, CODE.REQUEST_TIMEOUT, 0, 0);
      return;
    case CS.BUSY:
      clientTimedOut(core, core.clients[at + CLIENT.EXCHANGE]!);
      return;
    case CS.LINGER:
      closeClient(core, socket, true);
      return;
    default:
  }
}
