// @hot
import { latin1, sameLower } from "#base/bytes.ts";
import { CODE } from "#base/errors.ts";
import { markNamed } from "./connection.ts";
import { parseFieldLine } from "./field-line.ts";
import { FIELD, FIELD_WORDS, FRAMING, type Head, type HeadLimits, METHOD, TARGET } from "./head.ts";
import { isHost } from "./host.ts";
import {
  dropTrailerField,
  mayKeepAlive,
  mayUpgrade,
  SEEN,
  takeField,
  UNKNOWN_CODING,
} from "./message-fields.ts";
import { parseRequestLine } from "./request-line.ts";
import { CR, LF, sameText } from "./tokens.ts";

/** The head is not whole yet, and right so far. */
export const NEED_MORE = 0;

const MALFORMED = -CODE.REQUEST_MALFORMED;
const TOO_LARGE = -CODE.REQUEST_HEAD_TOO_LARGE;
const URI_TOO_LONG = -CODE.REQUEST_URI_TOO_LONG;
const UNSUPPORTED = -CODE.REQUEST_METHOD_UNSUPPORTED;

const CONTINUE = latin1("100-continue");

/**
 * Parses the request head at bytes[from, end) into `head`: the position after its empty line, or
 * NEED_MORE, or -CODE of a refusal. The refusal depends on nothing but the bytes up to the first
 * that is wrong, so it is the same however they were split, and it comes as soon as it can be seen.
 * Nothing is kept between calls: call again from the same start when more has come.
 *
 * What two parties could read differently is refused; see framing.ts, host.ts, field-line.ts and
 * connection.ts for each rule. CONNECT and transfer codings but chunked are answered 501.
 */
export function parseRequest(
  bytes: Uint8Array,
  from: number,
  end: number,
  head: Head,
  limits: HeadLimits,
): number {
  const edge = from + limits.headBytes;
  const at = parseHead(bytes, from, Math.min(end, edge), head, limits);
  if (at !== NEED_MORE || end < edge) return at;
  // The limit is reached: inside the request line its target is to blame, else the fields.
  return head.methodEnd > 0 && head.version === 0 ? URI_TOO_LONG : TOO_LARGE;
}

function parseHead(
  bytes: Uint8Array,
  from: number,
  stop: number,
  head: Head,
  limits: HeadLimits,
): number {
  head.reset();
  let at = skipEmptyLine(bytes, from, stop);
  if (at < 0 || at === stop) return at < 0 ? at : NEED_MORE;
  at = parseRequestLine(bytes, at, stop, head, limits.uriBytes);
  if (at <= 0) return at;
  const room = Math.min(head.ids.length, limits.headers);
  let seen = 0;
  for (;;) {
    if (at === stop) return NEED_MORE;
    if (bytes[at] === CR) {
      if (at + 1 === stop) return NEED_MORE;
      if (bytes[at + 1] !== LF) return MALFORMED;
      const failure = conclude(bytes, head, seen);
      return failure < 0 ? failure : at + 2;
    }
    if (head.count === room) return TOO_LARGE;
    at = parseFieldLine(bytes, at, stop, head);
    if (at <= 0) return at < 0 ? MALFORMED : NEED_MORE;
    const id = head.ids[head.count]!;
    if (id !== FIELD.OTHER) {
      seen = takeRequestField(bytes, head, id, seen);
      if (seen < 0) return seen === UNKNOWN_CODING ? UNSUPPORTED : MALFORMED;
    }
    head.count++;
  }
}

/** One empty line may come before a request (RFC 9112 §2.2). At `stop` when it is not whole. */
function skipEmptyLine(bytes: Uint8Array, from: number, stop: number): number {
  if (from === stop || bytes[from] !== CR) return from;
  if (from + 1 === stop) return stop;
  return bytes[from + 1] === LF ? from + 2 : MALFORMED;
}

/** As takeField, with the fields that only requests have. */
function takeRequestField(bytes: Uint8Array, head: Head, id: number, seen: number): number {
  const cell = head.count * FIELD_WORDS;
  const from = head.fields[cell + 2]!;
  const to = head.fields[cell + 3]!;
  if (id === FIELD.HOST) {
    if ((seen & SEEN.HOST) !== 0 || !isHost(bytes, from, to)) return -1;
    if (head.form !== TARGET.ABSOLUTE) {
      head.hostStart = from;
      head.hostEnd = to;
    } else if (!sameText(bytes, from, to, bytes, head.hostStart, head.hostEnd)) {
      // RFC 9112 §3.2.2 has a proxy trust the target, but not everybody behind us may.
      return -1;
    }
    return seen | SEEN.HOST;
  }
  if (id === FIELD.EXPECT) {
    return sameLower(bytes, from, to, CONTINUE) ? seen | SEEN.EXPECT : -1;
  }
  return takeField(bytes, head, id, seen, false);
}

/** Decides what the whole head means: 0, or a negative code. */
function conclude(bytes: Uint8Array, head: Head, seen: number): number {
  if (head.version === 11 && (seen & SEEN.HOST) === 0) return MALFORMED;
  if ((seen & SEEN.NAMES) !== 0 && !markNamed(bytes, head)) return MALFORMED;
  let body = true;
  if ((seen & SEEN.CODING) !== 0) head.framing = FRAMING.CHUNKED;
  else {
    dropTrailerField(head);
    if ((seen & SEEN.LENGTH) !== 0) head.framing = FRAMING.LENGTH;
    body = head.contentLength > 0;
  }
  // RFC 9110 §9.3.8: a TRACE has no content.
  if (body && head.method === METHOD.TRACE) return MALFORMED;
  head.keepAlive = mayKeepAlive(head.version, seen);
  head.upgrade = !body && mayUpgrade(head.version, seen);
  if ((seen & SEEN.EXPECT) !== 0) takeExpect(head, body && head.version === 11);
  return 0;
}

/**
 * RFC 9110 §10.1.1: an expectation from HTTP/1.0, or without content to wait for, is ignored; the
 * server must not see it either, or it would answer 100 to a client that knows nothing of it.
 */
function takeExpect(head: Head, wanted: boolean): void {
  head.expectContinue = wanted;
  if (wanted) return;
  for (let i = head.find(FIELD.EXPECT); i >= 0; i = head.find(FIELD.EXPECT, i + 1)) head.hop[i] = 1;
}
