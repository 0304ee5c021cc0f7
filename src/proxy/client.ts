// @hot
import { CODE } from "#base/errors.ts";
import { PROCESS_TOTALS } from "#plan/board.ts";
import { admitOrHold, discharge, refuse } from "./admission.ts";
import { clientTimedOut } from "./answer.ts";
import { closeClient, keepAhead, receiveMore } from "./client-socket.ts";
import type { Core } from "./core.ts";
import { clientMoved, isExcused, setDeadlines } from "./deadlines.ts";
import { clientBroke, unhold } from "./exchange.ts";
import { relayReceived, relaySent, relaySpliced } from "./relay.ts";
import { headReceived, readRequest, refuseRequest } from "./request-head.ts";
import { answerSent } from "./response.ts";
import { CF, CLIENT, CS, KIND, RELAY, RS, X, XF, XS } from "./tables.ts";
import { tunnelReceived, tunnelSent } from "./tunnel.ts";

/** What happens on a client's connection. */

/** How much of what comes after a last answer is read. */
const LINGER_BYTES = 256 * 1024;
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
  const at = socket * CLIENT.size;
  core.kinds[socket] = KIND.CLIENT;
  core.clients.fill(0, at, at + CLIENT.size);
  core.clients[at + CLIENT.FRONTEND] = core.listeners[listener]!;
  core.clients[at + CLIENT.EXCHANGE] = -1;
  core.clients[at + CLIENT.PAGE] = -1;
  core.connections++;
  if (core.connections > core.mostClients) {
    core.totals.process[PROCESS_TOTALS.NO_SLOTS]!++;
    refuse(core, socket);
  } else admitOrHold(core, socket);
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
  const state = core.exchanges[relay + RELAY.STATE]!;
  if (core.exchanges[x * X.size + X.STATE] === XS.TUNNEL) {
    tunnelReceived(core, x, relay, result, from, buffer);
    return;
  }
  if (state === RS.READ) {
    if (result > 0) clientMoved(core, x, result);
    relayReceived(core, x, relay, result);
    return;
  }
  core.clients[at + CLIENT.FLAGS]! &= ~(CF.RECEIVING | CF.INTO);
  if (state === RS.DROP) {
    core.exchanges[relay + RELAY.STATE] = RS.OFF;
    core.exchanges[x * X.size + X.FLAGS]! |= XF.CLOSE;
    if (result <= 0) core.clients[at + CLIENT.FLAGS]! |= CF.EOF;
    setDeadlines(core, x);
  } else if (result > 0) {
    keepAhead(core, socket, from, from + result);
    if (buffer >= 0) core.transport.release(buffer);
  } else if (result === 0) core.clients[at + CLIENT.FLAGS]! |= CF.EOF;
  else clientBroke(core, x);
}

/**
 * What still comes is not looked at. The first such receive may have gone into the exchange's
 * memory.
 */
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

export function clientClosed(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  const page = core.clients[at + CLIENT.PAGE]!;
  if (page >= 0) core.transport.pages.give(page, core.clients[at + CLIENT.PAGE_CLASS]!);
  discharge(core, socket);
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
    clientBroke(core, x);
    return;
  }
  clientMoved(core, x, result);
  if (core.exchanges[at + X.STATE] === XS.TUNNEL) tunnelSent(core, x, at + X.DOWN);
  else if (core.exchanges[at + X.DOWN + RELAY.STATE] === RS.WRITE) relaySent(core, x, at + X.DOWN);
  else answerSent(core, x);
}

export function clientSpliced(core: Core, socket: number, result: number): void {
  const x = core.clients[socket * CLIENT.size + CLIENT.EXCHANGE]!;
  relaySpliced(core, x, x * X.size + X.UP, result);
}

/** The client's deadline has come. */
export function clientDue(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  switch (core.clients[at + CLIENT.STATE]) {
    case CS.IDLE:
    case CS.LINGER:
      closeClient(core, socket, false);
      return;
    case CS.HEAD:
      refuseRequest(core, socket, CODE.REQUEST_TIMEOUT, 0, 0);
      return;
    case CS.BUSY:
      exchangeDue(core, core.clients[at + CLIENT.EXCHANGE]!);
      return;
    default:
  }
}

function exchangeDue(core: Core, x: number): void {
  if (!isExcused(core, x, true)) clientTimedOut(core, x);
}
