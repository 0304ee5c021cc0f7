// @hot
import { latin1 } from "#base/bytes.ts";
import { CODE } from "#base/errors.ts";
import { markNamed } from "./connection.ts";
import { parseFieldLine } from "./field-line.ts";
import { FIELD, FRAMING, type Head, type HeadLimits, METHOD } from "./head.ts";
import { dropTrailerField, mayKeepAlive, mayUpgrade, SEEN, takeField } from "./message-fields.ts";
import { CLASS, CR, isDigit, LF, SP, VALUE } from "./tokens.ts";

const MALFORMED = -CODE.RESPONSE_MALFORMED;
const TOO_LARGE = -CODE.RESPONSE_HEAD_TOO_LARGE;

const HTTP_1 = latin1("HTTP/1.");
const STATUS_AT = HTTP_1.length + 2;

/**
 * Parses the response head at bytes[from, end) into `head`; the same promises as parseRequest's.
 * How the body ends follows RFC 9112 §6.3 and depends on the method (METHOD.*) that was asked with.
 * A server is not trusted more than a client: whatever the next party could frame differently is
 * refused.
 */
export function parseResponse(
  bytes: Uint8Array,
  from: number,
  end: number,
  head: Head,
  limits: HeadLimits,
  requestMethod: number,
): number {
  const edge = from + limits.headBytes;
  const at = parseHead(bytes, from, Math.min(end, edge), head, limits, requestMethod);
  return at === 0 && end >= edge ? TOO_LARGE : at;
}

function parseHead(
  bytes: Uint8Array,
  from: number,
  stop: number,
  head: Head,
  limits: HeadLimits,
  requestMethod: number,
): number {
  head.reset();
  let at = parseStatusLine(bytes, from, stop, head);
  if (at <= 0) return at;
  const room = Math.min(head.ids.length, limits.headers);
  let seen = 0;
  for (;;) {
    if (at === stop) return 0;
    if (bytes[at] === CR) {
      if (at + 1 === stop) return 0;
      if (bytes[at + 1] !== LF || !conclude(bytes, head, seen, requestMethod)) return MALFORMED;
      return at + 2;
    }
    if (head.count === room) return TOO_LARGE;
    at = parseFieldLine(bytes, at, stop, head);
    if (at <= 0) return at < 0 ? MALFORMED : 0;
    const id = head.ids[head.count]!;
    if (id !== FIELD.OTHER) {
      seen = takeField(bytes, head, id, seen, true);
      if (seen < 0) return MALFORMED;
    }
    head.count++;
  }
}

/**
 * `HTTP/1.x SP status [SP reason] CRLF` with a status of 100 to 599. The space that RFC 9112 §4
 * wants after the status even where no reason follows is often left out, and nothing hangs on it.
 */
function parseStatusLine(bytes: Uint8Array, from: number, stop: number, head: Head): number {
  for (let i = 0; i < HTTP_1.length; i++) {
    if (from + i >= stop) return 0;
    if (bytes[from + i] !== HTTP_1[i]) return MALFORMED;
  }
  let at = from + HTTP_1.length;
  if (at >= stop) return 0;
  if (bytes[at] !== 48 && bytes[at] !== 49) return MALFORMED;
  head.version = bytes[at]! - 38;
  if (at + 1 >= stop) return 0;
  if (bytes[at + 1] !== SP) return MALFORMED;
  at = from + STATUS_AT;
  let status = 0;
  for (let i = 0; i < 3; i++) {
    if (at + i >= stop) return 0;
    const c = bytes[at + i]!;
    if (!isDigit(c) || (i === 0 && (c < 49 || c > 53))) return MALFORMED;
    status = status * 10 + (c - 48);
  }
  head.status = status;
  at += 3;
  if (at >= stop) return 0;
  if (bytes[at] === SP) {
    at++;
    head.reasonStart = at;
    while (at < stop && (CLASS[bytes[at]!]! & VALUE) !== 0) at++;
    head.reasonEnd = at;
    if (at === stop) return 0;
  }
  if (bytes[at] !== CR) return MALFORMED;
  if (at + 1 >= stop) return 0;
  return bytes[at + 1] === LF ? at + 2 : MALFORMED;
}

/** Decides what the whole head means; false when it must not be used. */
function conclude(bytes: Uint8Array, head: Head, seen: number, requestMethod: number): boolean {
  if ((seen & SEEN.NAMES) !== 0 && !markNamed(bytes, head)) return false;
  const status = head.status;
  if (status < 200 || status === 204) {
    if (!bodilessIsClean(head, seen)) return false;
    if (status === 101) return tunnel(head, seen);
  }
  head.keepAlive = mayKeepAlive(head.version, seen);
  if (requestMethod === METHOD.HEAD || status < 200 || status === 204 || status === 304) {
    head.framing = FRAMING.NONE;
  } else if ((seen & SEEN.CODING) !== 0) {
    head.framing = FRAMING.CHUNKED;
    return true;
  } else if ((seen & SEEN.LENGTH) !== 0) {
    head.framing = FRAMING.LENGTH;
  } else {
    head.framing = FRAMING.CLOSE;
    head.keepAlive = false;
  }
  dropTrailerField(head);
  return true;
}

/**
 * 1xx and 204 must carry neither Transfer-Encoding nor Content-Length (RFC 9110 §8.6, RFC 9112
 * §6.1): a party that heeds them would wait for a body. Content-Length: 0 promises none, is common
 * with 204, and is let be but not forwarded. HTTP/1.0 knows no 1xx at all.
 */
function bodilessIsClean(head: Head, seen: number): boolean {
  if (head.status < 200 && head.version !== 11) return false;
  if ((seen & SEEN.CODING) !== 0 || head.contentLength > 0) return false;
  const length = head.find(FIELD.CONTENT_LENGTH);
  if (length >= 0) head.hop[length] = 1;
  return true;
}

/**
 * After 101 the connection belongs to the protocol that Upgrade names; without that name to nobody.
 */
function tunnel(head: Head, seen: number): boolean {
  head.upgrade = mayUpgrade(head.version, seen);
  head.framing = FRAMING.TUNNEL;
  return head.upgrade;
}
