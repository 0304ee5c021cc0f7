// @hot
import { latin1 } from "#base/bytes.ts";
import { CODE } from "#base/errors.ts";
import { type Head, METHOD, TARGET } from "./head.ts";
import { isHost } from "./host.ts";
import { methodId } from "./method.ts";
import {
  ASTERISK,
  CLASS,
  COLON,
  CR,
  DOT,
  HEX,
  isDigit,
  LF,
  LOWER,
  NAME,
  PATH_RUN,
  PERCENT,
  QUERY,
  QUESTION,
  SLASH,
  SP,
  TOKEN,
} from "./tokens.ts";

const MALFORMED = -CODE.REQUEST_MALFORMED;
const URI_TOO_LONG = -CODE.REQUEST_URI_TOO_LONG;
const UNSUPPORTED = -CODE.REQUEST_METHOD_UNSUPPORTED;
const BAD_VERSION = -CODE.REQUEST_VERSION_UNSUPPORTED;

/** Longer methods than anybody's get 501 (RFC 9112 §3). */
const MAX_METHOD_BYTES = 32;

const ZERO = 48;

const HTTP_SLASH = latin1("HTTP/");
const SCHEME = latin1("http");
const AFTER_SCHEME = latin1("://");

/**
 * `method SP target SP HTTP/x.y CRLF`, one space each, nothing else (RFC 9112 §3). Like every
 * parser here it goes from left to right and gives up at the first byte that is wrong, so what it
 * says never changes when more bytes come: the position after the line, 0 for "more", or -CODE.
 */
export function parseRequestLine(
  bytes: Uint8Array,
  from: number,
  stop: number,
  head: Head,
  uriBytes: number,
): number {
  let at = from;
  while (at < stop && (CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
  if (at - from > MAX_METHOD_BYTES) return UNSUPPORTED;
  if (at === stop) return 0;
  if (at === from || bytes[at] !== SP) return MALFORMED;
  head.method = methodId(bytes, from, at);
  head.methodStart = from;
  head.methodEnd = at;
  if (head.method === METHOD.CONNECT) return UNSUPPORTED;

  const start = at + 1;
  at = parseTarget(bytes, start, stop, start + uriBytes + 1, head);
  if (at < 0) return at;
  if (at - start > uriBytes) return URI_TOO_LONG;
  if (at === 0 || at === stop) return 0;
  if (bytes[at] !== SP) return MALFORMED;
  head.targetStart = start;
  head.targetEnd = at;

  at = parseVersion(bytes, at + 1, stop, head);
  if (at <= 0) return at;
  // An asterisk stands for the server as a whole, which only OPTIONS can ask (RFC 9112 §3.2.4).
  if (head.form === TARGET.ASTERISK && head.method !== METHOD.OPTIONS) return MALFORMED;
  return at;
}

/** Where the target ends: at the first byte that cannot be part of it, or at `stop` or `limit`. */
function parseTarget(
  bytes: Uint8Array,
  from: number,
  stop: number,
  limit: number,
  head: Head,
): number {
  if (from === stop) return 0;
  const edge = Math.min(limit, stop);
  const first = bytes[from];
  if (first === SLASH) {
    head.form = TARGET.ORIGIN;
    return parsePath(bytes, from, edge, head);
  }
  if (first === ASTERISK) {
    head.form = TARGET.ASTERISK;
    return from + 1;
  }
  head.form = TARGET.ABSOLUTE;
  return parseAbsolute(bytes, from, stop, edge, head);
}

function parsePath(bytes: Uint8Array, from: number, edge: number, head: Head): number {
  let at = from;
  while (at < edge && (CLASS[bytes[at]!]! & PATH_RUN) !== 0) at++;
  if (at < edge && bytes[at] === PERCENT) {
    at = parseEncoded(bytes, at, edge);
    if (at < 0) return at;
  }
  head.pathStart = from;
  head.pathEnd = at;
  head.queryStart = at;
  if (at < edge && bytes[at] === QUESTION) {
    at++;
    head.queryStart = at;
    while (at < edge && (CLASS[bytes[at]!]! & QUERY) !== 0) at++;
  }
  head.queryEnd = at;
  return at;
}

/**
 * The end of a path, from its first `%` on, or MALFORMED. Apart from parsePath, which is half as
 * fast with this in it (bench http-parser).
 */
function parseEncoded(bytes: Uint8Array, from: number, edge: number): number {
  let at = from;
  while (at < edge && bytes[at] === PERCENT) {
    at = skipEncoded(bytes, at, edge);
    if (at < 0) return at;
    while (at < edge && (CLASS[bytes[at]!]! & PATH_RUN) !== 0) at++;
  }
  return at;
}

/**
 * Past the `%XX` at `at`, or `edge` when it does not end before that. A broken one is read in as
 * many ways as there are servers, and NUL ends a path in what is written in C: both are refused.
 */
function skipEncoded(bytes: Uint8Array, at: number, edge: number): number {
  if (at + 1 >= edge) return edge;
  const high = bytes[at + 1]!;
  if ((CLASS[high]! & HEX) === 0) return MALFORMED;
  if (at + 2 >= edge) return edge;
  const low = bytes[at + 2]!;
  if ((CLASS[low]! & HEX) === 0) return MALFORMED;
  return high === ZERO && low === ZERO ? MALFORMED : at + 3;
}

/** `http://host[:port]` or `https://…`, then a path or a query or nothing. */
function parseAbsolute(
  bytes: Uint8Array,
  from: number,
  stop: number,
  edge: number,
  head: Head,
): number {
  let at = skipText(bytes, from, stop, SCHEME);
  if (at <= 0) return at;
  if (at === stop) return 0;
  if (LOWER[bytes[at]!] === 115) at++;
  at = skipText(bytes, at, stop, AFTER_SCHEME);
  if (at <= 0) return at;
  const start = at;
  while (at < edge && isHostByte(bytes[at]!)) at++;
  if (at >= edge) return edge;
  const next = bytes[at];
  if (next !== SLASH && next !== QUESTION && next !== SP) return MALFORMED;
  if (!isHost(bytes, start, at)) return MALFORMED;
  head.hostStart = start;
  head.hostEnd = at;
  return parsePath(bytes, at, edge, head);
}

function isHostByte(c: number): boolean {
  return (CLASS[c]! & NAME) !== 0 || c === COLON || c === 91 || c === 93;
}

/** Past `text`, compared without case; 0 when bytes end inside it, MALFORMED when they differ. */
function skipText(bytes: Uint8Array, from: number, stop: number, text: Uint8Array): number {
  for (let i = 0; i < text.length; i++) {
    if (from + i >= stop) return 0;
    if (LOWER[bytes[from + i]!] !== text[i]) return MALFORMED;
  }
  return from + text.length;
}

/** `HTTP/1.0` or `HTTP/1.1`, then CRLF. Other versions are known as such by their second digit. */
function parseVersion(bytes: Uint8Array, from: number, stop: number, head: Head): number {
  for (let i = 0; i < HTTP_SLASH.length; i++) {
    if (from + i >= stop) return 0;
    if (bytes[from + i] !== HTTP_SLASH[i]) return MALFORMED;
  }
  const at = from + HTTP_SLASH.length;
  if (at >= stop) return 0;
  if (!isDigit(bytes[at]!)) return MALFORMED;
  if (at + 1 >= stop) return 0;
  if (bytes[at + 1] !== DOT) return MALFORMED;
  if (at + 2 >= stop) return 0;
  const minor = bytes[at + 2]!;
  if (!isDigit(minor)) return MALFORMED;
  if (bytes[at] !== 49 || minor > 49) return BAD_VERSION;
  if (at + 3 >= stop) return 0;
  if (bytes[at + 3] !== CR) return MALFORMED;
  if (at + 4 >= stop) return 0;
  if (bytes[at + 4] !== LF) return MALFORMED;
  head.version = minor - 38;
  return at + 5;
}
