// @hot
import { latin1, sameBytes } from "#base/bytes.ts";
import type { Head } from "#http/head.ts";
import { copyBytes, writeCrlf } from "#http/serialise.ts";
import { EQUALS, HTAB, SEMICOLON, SP } from "#http/tokens.ts";
import { CookieScan, nextCookie } from "#rules/cookies.ts";
import type { Persistence } from "./persistence.ts";
import { GIVEN } from "./tables.ts";

/** The client sent no cookie of that name. */
export const NO_COOKIE = -1;
/** It did, and no server of the backend is meant by it. */
export const UNKNOWN_SERVER = -2;

/** Between the server's value and the application's in prefix mode, as HAProxy has it. */
const TILDE = 126;

const EMPTY = new Uint8Array(0);
const COOKIE = latin1("Cookie: ");
const SET_COOKIE = latin1("Set-Cookie: ");

const scan = new CookieScan();

/**
 * Position of the server that the request's cookie names, NO_COOKIE or UNKNOWN_SERVER. Of several
 * cookies of that name the first that means a server counts.
 */
export function findServer(p: Persistence, bytes: Uint8Array, head: Head): number {
  let found = NO_COOKIE;
  scan.reset();
  while (nextCookie(bytes, head, p.name, scan)) {
    const from = scan.valueStart;
    const to = p.mode === "prefix" ? endOfPrefix(p, bytes, from, scan.valueEnd) : scan.valueEnd;
    const position = to > from ? p.table.find(bytes, from, to) : -1;
    if (position >= 0) return position;
    found = UNKNOWN_SERVER;
  }
  return found;
}

/**
 * Position of the `~` behind the server's part of a cookie's value, or -1. It is the first that
 * ends a server's value (which may hold a `~` itself), and if none does, the first.
 */
function endOfPrefix(p: Persistence, bytes: Uint8Array, from: number, to: number): number {
  let first = -1;
  for (let i = from; i < to; i++) {
    if (bytes[i] !== TILDE) continue;
    if (p.table.find(bytes, from, i) >= 0) return i;
    if (first < 0) first = i;
  }
  return first;
}

function skipBlanks(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}

function trimBlanks(bytes: Uint8Array, from: number, to: number): number {
  let end = to;
  while (end > from && (bytes[end - 1] === SP || bytes[end - 1] === HTAB)) end--;
  return end;
}

function endOfPart(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] !== SEMICOLON) at++;
  return at;
}

/** Position after `name=` where bytes[from, to) begins with that, else -1. */
function afterName(p: Persistence, bytes: Uint8Array, from: number, to: number): number {
  const equals = from + p.name.length;
  if (equals >= to || bytes[equals] !== EQUALS) return -1;
  return sameBytes(bytes, from, equals, p.name) ? equals + 1 : -1;
}

/**
 * Writes the line of a Cookie field for the server, given the field's value bytes[from, to):
 * without our cookie in insert mode, with the application's own value in prefix mode. Returns the
 * position after it; `at` when no cookie is left and so no line is sent. Never longer than `Cookie:
 * `, the value with a space behind each semicolon, and CRLF: `2 × (to - from) + 10` bytes are room
 * enough.
 */
export function writeCookie(
  p: Persistence,
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  const start = at + COOKIE.length;
  let end = start;
  for (let next = from; next < to; ) {
    const stop = endOfPart(bytes, next, to);
    const partFrom = skipBlanks(bytes, next, stop);
    const partTo = trimBlanks(bytes, partFrom, stop);
    next = stop + 1;
    if (partFrom === partTo) continue;
    const value = afterName(p, bytes, partFrom, partTo);
    if (value >= 0 && p.mode === "insert") continue;
    if (end > start) {
      out[end++] = SEMICOLON;
      out[end++] = SP;
    }
    const prefix = value >= 0 && p.mode === "prefix" ? endOfPrefix(p, bytes, value, partTo) : -1;
    if (prefix < 0) end = copyBytes(bytes, partFrom, partTo, out, end);
    else {
      end = copyBytes(bytes, partFrom, value, out, end);
      end = copyBytes(bytes, prefix + 1, partTo, out, end);
    }
  }
  if (end === start) return at;
  copyBytes(COOKIE, 0, COOKIE.length, out, at);
  return writeCrlf(out, end);
}

/**
 * Writes the line of a Set-Cookie field for the client, given the field's value bytes[from, to) and
 * the server that sent it: in insert mode a cookie of our name is dropped (returns `at`), in
 * rewrite mode its value becomes the server's, in prefix mode it gets the server's and `~` before
 * it; any other cookie stays. `to - from + 14 + p.growBytes` bytes are room enough.
 */
export function writeSetCookie(
  p: Persistence,
  bytes: Uint8Array,
  from: number,
  to: number,
  position: number,
  out: Uint8Array,
  at: number,
): number {
  const stop = endOfPart(bytes, from, to);
  const value = afterSetName(p, bytes, from, stop);
  if (value >= 0 && p.mode === "insert") return at;
  const own = p.values[position]!;
  let end = copyBytes(SET_COOKIE, 0, SET_COOKIE.length, out, at);
  if (value < 0 || own.length === 0) end = copyBytes(bytes, from, to, out, end);
  else {
    end = copyBytes(bytes, from, value, out, end);
    end = copyBytes(own, 0, own.length, out, end);
    if (p.mode === "prefix") out[end++] = TILDE;
    const rest = p.mode === "prefix" ? skipBlanks(bytes, value, stop) : stop;
    end = copyBytes(bytes, rest, to, out, end);
  }
  return writeCrlf(out, end);
}

/** A Set-Cookie field with the value bytes[from, to) sets the cookie of our name. */
export function isOwnSetCookie(
  p: Persistence,
  bytes: Uint8Array,
  from: number,
  to: number,
): boolean {
  return afterSetName(p, bytes, from, endOfPart(bytes, from, to)) >= 0;
}

/** What writeSetCookie does with the cookie of our name from the server at `position`: a GIVEN. */
export function fateOfOwn(p: Persistence, position: number): number {
  if (p.mode === "insert") return GIVEN.DELETED;
  return p.values[position]!.length === 0 ? GIVEN.PASSED : GIVEN.REWRITTEN;
}

/** As afterName; browsers pass over blanks around the name (RFC 6265 §5.2), so we do. */
function afterSetName(p: Persistence, bytes: Uint8Array, from: number, stop: number): number {
  const start = skipBlanks(bytes, from, stop);
  let equals = start;
  while (equals < stop && bytes[equals] !== EQUALS) equals++;
  if (equals === stop) return -1;
  return sameBytes(bytes, start, trimBlanks(bytes, start, equals), p.name) ? equals + 1 : -1;
}

/**
 * Header lines to add to the answer of the server at `position`, given what findServer said of the
 * request; empty for none. Only insert mode adds: the server's cookie when the client's did not
 * name that server, or the end of a cookie that is of no use when the server has none.
 */
export function addedLines(p: Persistence, found: number, position: number): Uint8Array {
  if (p.mode !== "insert" || found === position) return EMPTY;
  if (p.values[position]!.length > 0) return p.lines[position]!;
  return found === NO_COOKIE ? EMPTY : p.expiry;
}
