// @hot
import { latin1 } from "#base/bytes.ts";
import { CODE, FACTS } from "#base/errors.ts";
import { METHOD } from "#http/head.ts";
import { classFor } from "#io/pages.ts";
import { PROCESS_TOTALS } from "#plan/board.ts";
import type { Core } from "./core.ts";
import { pageFor } from "./error-pages.ts";
import { abortExchange, releaseServer } from "./exchange.ts";
import { leaveLine } from "./line.ts";
import { putBytes } from "./log-bytes.ts";
import { N, X, XF, XS } from "./tables.ts";
import { dropUpstream, isUploaded } from "./upstream-socket.ts";

const CLOSE = latin1("Connection: close\r\n");
const KEEP_ALIVE = latin1("Connection: keep-alive\r\n");
const CRLF = latin1("\r\n");
const NOTHING = new Uint8Array(0);

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

/**
 * Answers in a server's place with the page for `status`. Nothing of an answer may have been sent.
 */
export function answer(core: Core, x: number, code: number, status: number): void {
  answerWith(core, x, code, status, NOTHING, 0);
}

/**
 * As answer, with header lines [0, linesEnd) of ours (CRLF-ended) besides, such as a redirect's
 * Location.
 */
export function answerWith(
  core: Core,
  x: number,
  code: number,
  status: number,
  lines: Uint8Array,
  linesEnd: number,
): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const frontend = core.runtime.frontends[cells[at + X.FRONTEND]!]!;
  if (cells[at + X.STATE] === XS.QUEUED) leaveLine(core, x);
  dropUpstream(core, x);
  releaseServer(core, x);
  cells[at + X.CODE] = code;
  cells[at + X.STATUS] = status;
  cells[at + X.STATE] = XS.ANSWERING;
  const page = pageFor(frontend.pages, status);
  const size = classFor(page.head.length + page.body.length + linesEnd + 64);
  const out = size < 0 ? -1 : core.transport.pages.take(size);
  if (out < 0) {
    core.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
    abortExchange(core, x, code);
    return;
  }
  cells[at + X.OUT_PAGE] = out;
  cells[at + X.OUT_CLASS] = size;
  // A body that is still to come would be taken for the next request: the connection ends here.
  if (!isUploaded(core, x) || core.draining || frontend.retired) cells[at + X.FLAGS]! |= XF.CLOSE;
  let end = putBytes(page.head, core.memory, out);
  for (let i = 0; i < linesEnd; i++) core.memory[end++] = lines[i]!;
  end = writeConnection(cells[at + X.FLAGS]!, core.memory, end);
  const head = end - out;
  if (cells[at + X.METHOD] !== METHOD.HEAD) {
    core.memory.set(page.body, end);
    end += page.body.length;
  }
  cells[at + X.FLAGS]! |= XF.ANSWERED;
  cells[at + X.SENDING] = 1;
  core.numbers[x * N.size + N.BYTES_OUT]! += end - out;
  core.numbers[x * N.size + N.HEAD_OUT]! += head;
  const socket = cells[at + X.CLIENT]!;
  core.timers.set(socket, core.nowMs, frontend.plan.timeouts.clientMs);
  core.transport.send(socket, out, end - out, false);
}

/** Says what becomes of the connection, and ends the head. */
function writeConnection(flags: number, out: Uint8Array, at: number): number {
  let end = at;
  if ((flags & (XF.CLOSE | XF.KEEP_ALIVE)) !== XF.KEEP_ALIVE) end = putBytes(CLOSE, out, end);
  else if ((flags & XF.OLD) !== 0) end = putBytes(KEEP_ALIVE, out, end);
  return putBytes(CRLF, out, end);
}

/** The client was silent for too long in the middle of an exchange. */
export function clientTimedOut(core: Core, x: number): void {
  const queued = core.exchanges[x * X.size + X.STATE] === XS.QUEUED;
  failExchange(core, x, queued ? CODE.QUEUE_TIMEOUT : CODE.CLIENT_BODY_TIMEOUT);
}
