// @hot
import { CODE } from "#base/errors.ts";
import { FRAMING } from "#http/head.ts";
import { PAGE_SIZES } from "#io/pages.ts";
import { releaseNext } from "./client-socket.ts";
import type { Core } from "./core.ts";
import { setDeadlines } from "./deadlines.ts";
import { abortExchange } from "./exchange.ts";
import { CF, CLIENT, N, RELAY, RS, UP, X, XS } from "./tables.ts";

/**
 * After a 101 the connection is the two parties' own: bytes go both ways unseen, and each side may
 * finish for itself. A direction waits in a pooled buffer and so holds no memory while nothing
 * comes; what came is sent from a page, as the buffer is everybody's and the other side may be
 * slow. One that fills the buffer keeps a page until it is quiet again.
 *
 *      READ ──bytes──► WRITE ──sent──► READ … DONE
 */

/** The head of the 101 was sent, and what the server said at once after it. */
export function openTunnel(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const client = cells[at + X.CLIENT]!;
  const upstream = cells[at + X.UPSTREAM]!;
  const row = client * CLIENT.size;
  const up = at + X.UP;
  const down = at + X.DOWN;
  cells[at + X.STATE] = XS.TUNNEL;
  cells[up + RELAY.DECODER] = FRAMING.TUNNEL;
  cells[up + RELAY.FROM] = client;
  cells[up + RELAY.TO] = upstream;
  core.transport.pages.give(cells[down + RELAY.PAGE]!, cells[down + RELAY.CLASS]!);
  cells[down + RELAY.PAGE] = -1;
  read(core, x, down, 0);
  const early = core.clients[row + CLIENT.NEXT_BYTES]!;
  if (early > 0) {
    core.clients[row + CLIENT.NEXT_BYTES] = 0;
    tunnelReceived(core, x, up, early, core.clients[row + CLIENT.NEXT_AT]!, -1);
  } else if ((core.clients[row + CLIENT.FLAGS]! & CF.EOF) !== 0) ended(core, x, up, 0);
  else if ((core.clients[row + CLIENT.FLAGS]! & CF.RECEIVING) === 0) read(core, x, up, 0);
  else cells[up + RELAY.STATE] = RS.READ;
}

/**
 * Asks for the next bytes; `last` were the ones before, which tell how much memory is worth while.
 */
function read(core: Core, x: number, relay: number, last: number): void {
  const cells = core.exchanges;
  const pages = core.transport.pages;
  const from = cells[relay + RELAY.FROM]!;
  cells[relay + RELAY.STATE] = RS.READ;
  if (last >= core.transport.bufferBytes && cells[relay + RELAY.PAGE]! < 0) {
    cells[relay + RELAY.PAGE] = core.takePage(2);
    cells[relay + RELAY.CLASS] = 2;
  } else if (last < core.transport.bufferBytes && cells[relay + RELAY.PAGE]! >= 0) {
    pages.give(cells[relay + RELAY.PAGE]!, cells[relay + RELAY.CLASS]!);
    cells[relay + RELAY.PAGE] = -1;
  }
  const page = cells[relay + RELAY.PAGE]!;
  if (page < 0) core.transport.receive(from);
  else core.transport.receiveInto(from, page, PAGE_SIZES[cells[relay + RELAY.CLASS]!]!);
  setDeadlines(core, x);
}

/** Bytes from one side, in a pooled buffer or the direction's page; or its end, or an error. */
export function tunnelReceived(
  core: Core,
  x: number,
  relay: number,
  result: number,
  from: number,
  buffer: number,
): void {
  const cells = core.exchanges;
  if (result <= 0) {
    ended(core, x, relay, result);
    return;
  }
  let start = from;
  if (buffer >= 0) {
    start = core.takePage(0);
    if (start >= 0) core.memory.copyWithin(start, from, from + result);
    core.transport.release(buffer);
    if (start < 0) {
      abortExchange(core, x, CODE.RESOURCE_EXHAUSTED);
      return;
    }
    cells[relay + RELAY.PAGE] = start;
    cells[relay + RELAY.CLASS] = 0;
  }
  const up = relay === x * X.size + X.UP;
  if (up) core.numbers[x * N.size + N.BYTES_IN]! += result;
  else core.numbers[x * N.size + N.BYTES_OUT]! += result;
  cells[relay + RELAY.STATE] = RS.WRITE;
  cells[relay + RELAY.KEPT] = result;
  const to = cells[relay + RELAY.TO]!;
  if (up) core.upstreams[to * UP.size + UP.SENDING] = 1;
  else cells[x * X.size + X.SENDING] = 1;
  core.transport.send(to, start, result, false);
  setDeadlines(core, x);
}

/** The bytes were handed on. */
export function tunnelSent(core: Core, x: number, relay: number): void {
  const cells = core.exchanges;
  if (relay === x * X.size + X.UP) dropEarly(core, x);
  if (cells[relay + RELAY.PAGE]! >= 0 && cells[relay + RELAY.CLASS] === 0) {
    core.transport.pages.give(cells[relay + RELAY.PAGE]!, 0);
    cells[relay + RELAY.PAGE] = -1;
  }
  read(core, x, relay, cells[relay + RELAY.KEPT]!);
}

/** What the client sent ahead may have come from its own page. */
function dropEarly(core: Core, x: number): void {
  const client = core.exchanges[x * X.size + X.CLIENT]!;
  if (core.clients[client * CLIENT.size + CLIENT.PAGE]! >= 0) releaseNext(core, client);
}

/** One side has said all: the other is told, and may still go on talking. */
function ended(core: Core, x: number, relay: number, result: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  cells[relay + RELAY.STATE] = RS.DONE;
  const other = relay === at + X.UP ? at + X.DOWN : at + X.UP;
  if (result < 0 || cells[other + RELAY.STATE] === RS.DONE) abortExchange(core, x, CODE.NONE);
  else core.transport.finish(cells[relay + RELAY.TO]!);
}
