// @hot
import { requestKey } from "#balance/request-key.ts";
import { CODE } from "#base/errors.ts";
import { inNetwork } from "#base/ip.ts";
import { beginChunked } from "#http/chunked.ts";
import { FIELD, FIELD_WORDS, FRAMING, type Head } from "#http/head.ts";
import { classFor, PAGE_SIZES } from "#io/pages.ts";
import { peerIp } from "#io/peer-ip.ts";
import { answerWith, failExchange } from "./answer.ts";
import { assign } from "./assign.ts";
import { keepAhead, releaseNext } from "./client-socket.ts";
import { type Core, keepEdits } from "./core.ts";
import { openExchange } from "./exchange.ts";
import { editsBytes, REQUEST_ROOM, writeRequest } from "./forward.ts";
import type { FrontendRuntime } from "./runtime.ts";
import { findSticky } from "./sticky.ts";
import { CF, CLIENT, ENCODING, N, RELAY, X, XF } from "./tables.ts";
import { watchClient } from "./watch.ts";

/** Methods that may be repeated without harm, by METHOD id (RFC 9110 §9.2.2). */
const IDEMPOTENT = Object.freeze([0, 1, 1, 0, 1, 1, 1, 1, 0, 0]);

/** Largest part of a body that travels in the same page, and so in the same send, as its head. */
const BODY_WITH_HEAD = 8192;

/**
 * A whole request head lies at [from, parsed); the bytes up to `end` follow it. `buffer` ≥ 0 is the
 * pooled buffer that holds them, else they are in the client's page. Returns 0, or the code with
 * which to refuse what was not begun; the buffer then stays the caller's.
 */
export function beginRequest(
  core: Core,
  socket: number,
  from: number,
  parsed: number,
  end: number,
  buffer: number,
): number {
  const head = core.requestHead;
  const frontend = core.runtime.frontends[core.clients[socket * CLIENT.size + CLIENT.FRONTEND]!]!;
  peerIp(core.memory, core.transport.peerAt(socket), core.peer, 0);
  core.verdict.reset();
  core.verdict.backend = frontend.plan.defaultBackend;
  if (frontend.rules !== undefined) {
    core.view.fill(core.memory, head, core.peer, 0);
    frontend.rules(core.view, core.verdict);
  }
  const rest = bodyHere(head, end - parsed);
  const size = classFor(roomFor(core, frontend, parsed - from) + rest);
  if (size < 0) return CODE.REQUEST_HEAD_TOO_LARGE;
  const x = openExchange(core, socket, size);
  if (x < 0) return CODE.RESOURCE_EXHAUSTED;
  keepTexts(core, x, head, parsed - from);
  begin(core, x, frontend, head, parsed - from);
  const code = decide(core, x, frontend, head);
  writeOut(core, x, frontend, head, parsed, rest);
  const used = keepBody(core, x, head, parsed + rest, end, rest);
  keepNext(core, socket, used, end, buffer);
  core.timers.clear(socket);
  // Of a client that will close after this answer nothing more is expected while the server works.
  if (head.keepAlive) watchClient(core, x);
  go(core, x, code);
  return 0;
}

/**
 * Room for the head as it is sent, and behind it for what the log keeps of it and for cookies that
 * grow by a blank each: both are parts of the head that do not overlap.
 */
function roomFor(core: Core, frontend: FrontendRuntime, headBytes: number): number {
  const verdict = core.verdict;
  const head = core.requestHead;
  const host = head.hostEnd - head.hostStart;
  const added = verdict.targetEnd + editsBytes(verdict.request) + frontend.via.length + host;
  return 2 * headBytes + REQUEST_ROOM + added;
}

/** How many bytes of the body behind the head go out together with it. */
function bodyHere(head: Head, here: number): number {
  if (head.framing !== FRAMING.LENGTH) return 0;
  return Math.min(here, head.contentLength, BODY_WITH_HEAD);
}

function begin(
  core: Core,
  x: number,
  frontend: FrontendRuntime,
  head: Head,
  headBytes: number,
): void {
  const at = x * X.size;
  let flags = XF.REPLAYABLE;
  if (head.keepAlive) flags |= XF.KEEP_ALIVE;
  if (head.version === 10) flags |= XF.OLD;
  if (head.upgrade) flags |= XF.UPGRADE;
  if (IDEMPOTENT[head.method] === 1 && !head.upgrade) flags |= XF.IDEMPOTENT;
  core.exchanges[at + X.FLAGS] = flags;
  core.exchanges[at + X.METHOD] = head.method;
  core.exchanges[at + X.UP + RELAY.DECODER] = head.framing;
  core.exchanges[at + X.UP + RELAY.ENCODER] =
    head.framing === FRAMING.CHUNKED ? ENCODING.CHUNKED : ENCODING.IDENTITY;
  core.numbers[x * N.size + N.BYTES_IN] = headBytes;
  core.numbers[x * N.size + N.CLIENT_LEFT] = frontend.plan.timeouts.clientMs;
  const edits = core.edits[x];
  if (edits !== undefined) edits.count = 0;
  if (core.verdict.response.count > 0) keepEdits(core, x, core.verdict.response);
}

/**
 * Copies what the log will want to the end of the page, where it stays until the exchange is over.
 */
function keepTexts(core: Core, x: number, head: Head, headBytes: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const size = PAGE_SIZES[cells[at + X.PAGE_CLASS]!]!;
  let to = cells[at + X.PAGE]! + size - headBytes;
  const lineEnd = head.targetEnd + 9;
  to = keepText(core, at + X.LINE_AT, head.methodStart, lineEnd, to);
  to = keepText(core, at + X.HOST_AT, head.hostStart, head.hostEnd, to);
  for (let i = 0; i < head.count; i++) {
    const id = head.ids[i]!;
    if (id !== FIELD.USER_AGENT && id !== FIELD.REFERER) continue;
    const cell = id === FIELD.USER_AGENT ? X.AGENT_AT : X.REFERER_AT;
    if (cells[at + cell + 1] !== 0) continue;
    const from = head.fields[i * FIELD_WORDS + 2]!;
    to = keepText(core, at + cell, from, head.fields[i * FIELD_WORDS + 3]!, to);
  }
}

/** `cell` gets the position, the cell behind it the length. */
function keepText(core: Core, cell: number, from: number, end: number, to: number): number {
  core.exchanges[cell] = to;
  core.exchanges[cell + 1] = end - from;
  for (let i = from; i < end; i++) core.memory[to++] = core.memory[i]!;
  return to;
}

/**
 * The code with which to answer in a server's place, or 0; sets the backend and what sticks to it.
 */
function decide(core: Core, x: number, frontend: FrontendRuntime, head: Head): number {
  const at = x * X.size;
  const verdict = core.verdict;
  if (frontend.rules !== undefined && core.view.refuse !== 0) {
    return core.view.refuse === 414 ? CODE.REQUEST_URI_TOO_LONG : CODE.REQUEST_MALFORMED;
  }
  if (verdict.status > 0) return verdict.status < 400 ? CODE.REDIRECTED : CODE.REQUEST_DENIED;
  const limit = frontend.plan.maxBodyBytes;
  if (head.framing === FRAMING.LENGTH && head.contentLength > limit) {
    return CODE.REQUEST_BODY_TOO_LARGE;
  }
  if (verdict.backend < 0) return CODE.BACKEND_NONE;
  const slot = frontend.backendSlots[verdict.backend]!;
  const backend = core.runtime.backends[slot]!;
  core.exchanges[at + X.BACKEND] = slot;
  if (backend.key !== undefined) {
    const key = requestKey(backend.key, core.memory, head, core.peer, 0);
    core.numbers[x * N.size + N.KEY] = key;
  }
  if (backend.persistence !== undefined) findSticky(core, x, backend, head);
  return 0;
}

/** Writes the request as the server gets it to the start of the page. */
function writeOut(
  core: Core,
  x: number,
  frontend: FrontendRuntime,
  head: Head,
  parsed: number,
  rest: number,
): void {
  const at = x * X.size;
  const page = core.exchanges[at + X.PAGE]!;
  const verdict = core.verdict;
  const bytes = core.memory;
  const trusted = isTrusted(core, frontend);
  const slot = core.exchanges[at + X.BACKEND]!;
  const persistence = slot < 0 ? undefined : core.runtime.backends[slot]!.persistence;
  let to = writeRequest(
    frontend,
    bytes,
    head,
    core.peer,
    trusted,
    verdict.request,
    verdict.target,
    verdict.targetEnd,
    persistence,
    bytes,
    page,
  );
  if (rest > 0) {
    bytes.copyWithin(to, parsed, parsed + rest);
    to += rest;
    core.numbers[x * N.size + N.BYTES_IN]! += rest;
  }
  core.exchanges[at + X.HEAD_BYTES] = to - page;
}

function isTrusted(core: Core, frontend: FrontendRuntime): boolean {
  const trusted = frontend.plan.forwarded.trusted;
  for (let i = 0; i < trusted.length; i++) {
    if (inNetwork(trusted[i]!, core.peer, 0)) return true;
  }
  return false;
}

/**
 * Sets up the rest of the body, keeping in the relay's page what is here of it. Returns the
 * position up to which bytes belong to this request.
 */
function keepBody(
  core: Core,
  x: number,
  head: Head,
  from: number,
  end: number,
  sent: number,
): number {
  const relay = x * X.size + X.UP;
  const cells = core.exchanges;
  if (head.framing === FRAMING.NONE) return from;
  let here = end - from;
  if (head.framing === FRAMING.LENGTH) {
    const left = head.contentLength - sent;
    core.numbers[x * N.size + N.UP_LEFT] = left;
    if (left === 0) {
      cells[relay + RELAY.DECODER] = FRAMING.NONE;
      return from;
    }
    here = Math.min(here, left);
  } else beginChunked(cells, relay + RELAY.CHUNK);
  if (here === 0) return from;
  const size = here <= 12_000 ? 1 : 2;
  const page = core.takePage(size);
  if (page < 0) return -1;
  cells[relay + RELAY.PAGE] = page;
  cells[relay + RELAY.CLASS] = size;
  cells[relay + RELAY.KEPT] = here;
  core.memory.copyWithin(page + 12, from, from + here);
  return from + here;
}

/** Keeps what lies behind this request for the next one; else gives its memory back. */
function keepNext(core: Core, socket: number, used: number, end: number, buffer: number): void {
  const at = socket * CLIENT.size;
  if (used < 0) core.clients[at + CLIENT.FLAGS]! |= CF.LAST;
  core.clients[at + CLIENT.NEXT_BYTES] = 0;
  if (used >= 0 && used < end) keepAhead(core, socket, used, end);
  else if (buffer < 0) releaseNext(core, socket);
  if (buffer >= 0) core.transport.release(buffer);
}

/** To a server, or to an answer of our own. */
function go(core: Core, x: number, code: number): void {
  const socket = core.exchanges[x * X.size + X.CLIENT]!;
  if ((core.clients[socket * CLIENT.size + CLIENT.FLAGS]! & CF.LAST) !== 0) {
    failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
  } else if (code === 0) assign(core, x);
  else if (code === CODE.REDIRECTED || code === CODE.REQUEST_DENIED) {
    const verdict = core.verdict;
    answerWith(core, x, code, verdict.status, verdict.headers, verdict.headersEnd);
  } else failExchange(core, x, code);
}
