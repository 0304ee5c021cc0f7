// @hot
import { latin1 } from "#base/bytes.ts";
import { FRAMING, METHOD } from "#http/head.ts";
import { classFor } from "#io/pages.ts";
import { releaseServer } from "./assign.ts";
import type { Core } from "./core.ts";
import { pageFor } from "./error-pages.ts";
import { abortExchange, dropUpstream } from "./exchange.ts";
import { putBytes } from "./log-bytes.ts";
import { N, RELAY, RS, X, XF, XS } from "./tables.ts";

const CLOSE = latin1("Connection: close\r\n");
const KEEP_ALIVE = latin1("Connection: keep-alive\r\n");
const CRLF = latin1("\r\n");
const NOTHING = new Uint8Array(0);

/** Answers in a server's place with the page for `status`. Nothing of an answer may have been sent. */
export function answer(core: Core, x: number, code: number, status: number): void {
  answerWith(core, x, code, status, NOTHING, 0);
}

/** As answer, with header lines [0, linesEnd) of ours (CRLF-ended) besides, such as a redirect's Location. */
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
  dropUpstream(core, x);
  releaseServer(core, x);
  cells[at + X.CODE] = code;
  cells[at + X.STATUS] = status;
  cells[at + X.STATE] = XS.ANSWERING;
  const page = pageFor(frontend.pages, status);
  const size = classFor(page.head.length + page.body.length + linesEnd + 64);
  const out = size < 0 ? -1 : core.transport.pages.take(size);
  if (out < 0) {
    abortExchange(core, x, code);
    return;
  }
  if (cells[at + X.OUT_PAGE]! >= 0) {
    core.transport.pages.give(cells[at + X.OUT_PAGE]!, cells[at + X.OUT_CLASS]!);
  }
  cells[at + X.OUT_PAGE] = out;
  cells[at + X.OUT_CLASS] = size;
  const up = cells[at + X.UP + RELAY.STATE]!;
  // A body that is still to come would be taken for the next request: the connection ends here.
  const unread = up !== RS.DONE && cells[at + X.UP + RELAY.DECODER] !== FRAMING.NONE;
  if (unread || core.draining || frontend.retired) cells[at + X.FLAGS]! |= XF.CLOSE;
  const flags = cells[at + X.FLAGS]!;
  let end = putBytes(page.head, core.memory, out);
  for (let i = 0; i < linesEnd; i++) core.memory[end++] = lines[i]!;
  if ((flags & (XF.CLOSE | XF.KEEP_ALIVE)) !== XF.KEEP_ALIVE)
    end = putBytes(CLOSE, core.memory, end);
  else if ((flags & XF.OLD) !== 0) end = putBytes(KEEP_ALIVE, core.memory, end);
  end = putBytes(CRLF, core.memory, end);
  const head = end - out;
  if (cells[at + X.METHOD] !== METHOD.HEAD) {
    core.memory.set(page.body, end);
    end += page.body.length;
  }
  cells[at + X.FLAGS]! |= XF.ANSWERED;
  cells[at + X.SENDING] = 1;
  core.numbers[x * N.size + N.BYTES_OUT] = end - out;
  core.numbers[x * N.size + N.HEAD_OUT] = head;
  const socket = cells[at + X.CLIENT]!;
  core.timers.set(socket, core.nowMs, frontend.plan.timeouts.clientMs);
  core.transport.send(socket, out, end - out, false);
}
