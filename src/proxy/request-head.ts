// @hot
import { CODE } from "#base/errors.ts";
import { FRAMING } from "#http/head.ts";
import { parseRequest } from "#http/request-parser.ts";
import { classFor, PAGE_SIZES } from "#io/pages.ts";
import { failExchange } from "./answer.ts";
import { closeClient } from "./client-socket.ts";
import type { Core } from "./core.ts";
import { openExchange } from "./exchange.ts";
import { beginRequest } from "./request.ts";
import { CF, CLIENT, CS, N, RELAY, X, XF } from "./tables.ts";

const LF = 10;
/** Longest part of a broken request line that is kept for the log. */
const BROKEN_LINE = 1024;

/**
 * Reads a request head at [from, end), which lies in a pooled buffer or (buffer -1) in the client's
 * page. What is not a whole head yet is kept in the page. `before`: how much of it was there
 * already.
 */
export function readRequest(
  core: Core,
  socket: number,
  from: number,
  end: number,
  buffer: number,
  before: number,
): void {
  const parsed = parseRequest(core.memory, from, end, core.requestHead, core.limits);
  if (parsed > 0) {
    const code = beginRequest(core, socket, from, parsed, end, buffer);
    if (code === 0) return;
    refuseRequest(core, socket, code, from, parsed);
    if (buffer >= 0) core.transport.release(buffer);
    return;
  }
  if (parsed < 0) {
    refuseRequest(core, socket, -parsed, from, end);
    if (buffer >= 0) core.transport.release(buffer);
    return;
  }
  if (before === 0) {
    const slot = core.clients[socket * CLIENT.size + CLIENT.FRONTEND]!;
    const frontend = core.runtime.frontends[slot]!;
    core.timers.set(socket, core.nowMs, frontend.plan.timeouts.requestMs);
  }
  keepHead(core, socket, from, end, buffer);
}

/** Bytes that follow those of a head kept in the client's page; or the end, or an error. */
export function headReceived(core: Core, socket: number, result: number): void {
  const at = socket * CLIENT.size;
  core.clients[at + CLIENT.FLAGS]! &= ~(CF.RECEIVING | CF.INTO);
  if (result <= 0) {
    core.clients[at + CLIENT.FLAGS]! |= CF.EOF;
    refuseRequest(core, socket, CODE.REQUEST_ABORTED, 0, 0);
    return;
  }
  const page = core.clients[at + CLIENT.PAGE]!;
  const before = core.clients[at + CLIENT.FILL]!;
  const end = page + before + result;
  core.clients[at + CLIENT.FILL] = before + result;
  // Only a finished line can change what the parser says, or the head being over its limit.
  const lineEnded = core.memory.subarray(page + before, end).includes(LF);
  const full = before + result >= Math.min(core.limits.headBytes, PAGE_SIZES[1]!);
  if (lineEnded || full) readRequest(core, socket, page, end, -1, before);
  else growHead(core, socket);
}

/** Keeps part of a head in the client's own page and waits for the rest. */
function keepHead(core: Core, socket: number, from: number, end: number, buffer: number): void {
  const at = socket * CLIENT.size;
  let page = core.clients[at + CLIENT.PAGE]!;
  if (page < 0) {
    const size = classFor(end - from + 1);
    page = size < 0 ? -1 : core.takePage(size);
    if (page < 0) {
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
    const larger = size + 1 < PAGE_SIZES.length ? core.takePage(size + 1) : -1;
    if (larger < 0) {
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
  const x = openExchange(core, socket, 0);
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
  core.exchanges[at + X.UP + RELAY.DECODER] = FRAMING.NONE;
  core.numbers[x * N.size + N.BYTES_IN] = end - from;
  failExchange(core, x, code);
}
