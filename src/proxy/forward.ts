// @hot
import { latin1 } from "#base/bytes.ts";
import { FIELD, FIELD_WORDS, FRAMING, type Head, TARGET } from "#http/head.ts";
import { copyFields } from "#http/serialise.ts";
import { FOLDED } from "#http/tokens.ts";
import type { HeaderEdits } from "#rules/types.ts";
import { putBytes, putIp } from "./log-bytes.ts";
import type { Persistence } from "./persistence.ts";
import type { FrontendRuntime } from "./runtime.ts";
import { writeCookies } from "./sticky.ts";

const HTTP_11 = latin1(" HTTP/1.1\r\n");
const HTTP_11_STATUS = latin1("HTTP/1.1 ");
const HOST = latin1("Host: ");
const CRLF = latin1("\r\n");
const CHUNKED = latin1("Transfer-Encoding: chunked\r\n");
const CLOSE = latin1("Connection: close\r\n");
const KEEP_ALIVE = latin1("Connection: keep-alive\r\n");
const UPGRADE = latin1("Connection: upgrade\r\nUpgrade: ");
const X_FORWARDED = latin1("x-forwarded-");
const X_FORWARDED_FOR = latin1("X-Forwarded-For: ");
const X_FORWARDED_PROTO = latin1("X-Forwarded-Proto: http\r\n");
const X_FORWARDED_HOST = latin1("X-Forwarded-Host: ");
const FORWARDED = latin1("Forwarded: ");
const FORWARDED_FOR = latin1("for=");
/** RFC 7239 §6.3: a client on a Unix socket has no address. */
const UNKNOWN = latin1("unknown");
const FORWARDED_PROTO = latin1(";proto=http");
const VIA = latin1("Via: ");
const VIA_10 = latin1("1.0");
const VIA_11 = latin1("1.1");
const COMMA = latin1(", ");
const SLASH = 47;
const QUESTION = 63;
const ASTERISK = 42;
const QUOTE = 34;

/**
 * Bytes that writeRequest may add to what it copies from the client's head, apart from edits, the
 * name in Via and X-Forwarded-Host.
 */
export const REQUEST_ROOM = 512;
/** The same of writeResponse. */
export const RESPONSE_ROOM = 256;

/** Most bytes that edits may add. */
export function editsBytes(edits: HeaderEdits): number {
  let bytes = 0;
  for (let i = 0; i < edits.count; i++) bytes += edits.items[i]!.line.length;
  return bytes;
}

function copy(from: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) out[at++] = from[i]!;
  return at;
}

/** Marks the fields that edits replace or remove as not to be copied. */
function dropEdited(bytes: Uint8Array, head: Head, edits: HeaderEdits): void {
  for (let e = 0; e < edits.count; e++) {
    const edit = edits.items[e]!;
    if (edit.op === "add") continue;
    for (let i = 0; i < head.count; i++) {
      if (head.ids[i] !== edit.id) continue;
      if (edit.id !== FIELD.OTHER || nameIs(bytes, head, i, edit.name)) head.hop[i] = 1;
    }
  }
}

function nameIs(bytes: Uint8Array, head: Head, field: number, name: Uint8Array): boolean {
  const from = head.fields[field * FIELD_WORDS]!;
  if (head.fields[field * FIELD_WORDS + 1]! - from !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    const c = bytes[from + i]!;
    if ((c >= 65 && c <= 90 ? c | 32 : c) !== name[i]) return false;
  }
  return true;
}

/** A later `set` or `delete` of the same name undoes an edit before it. */
function isUndone(edits: HeaderEdits, e: number): boolean {
  const name = edits.items[e]!.name;
  for (let later = e + 1; later < edits.count; later++) {
    const edit = edits.items[later]!;
    if (edit.op === "add" || edit.name.length !== name.length) continue;
    let same = true;
    for (let i = 0; same && i < name.length; i++) same = edit.name[i] === name[i];
    if (same) return true;
  }
  return false;
}

/** A rule decides about this field, so we do not write it. */
function isEdited(edits: HeaderEdits, id: number): boolean {
  for (let e = 0; e < edits.count; e++) {
    if (edits.items[e]!.id === id && edits.items[e]!.op !== "add") return true;
  }
  return false;
}

/** Index of a field that will be copied, or -1. */
function findKept(head: Head, id: number): number {
  let i = head.find(id);
  while (i >= 0 && head.hop[i] !== 0) i = head.find(id, i + 1);
  return i;
}

function writeEdits(edits: HeaderEdits, out: Uint8Array, at: number): number {
  for (let e = 0; e < edits.count; e++) {
    if (!isUndone(edits, e)) at = putBytes(edits.items[e]!.line, out, at);
  }
  return at;
}

/** What peers we do not trust say about where a request came from is dropped. */
function dropForged(bytes: Uint8Array, head: Head): void {
  for (let i = 0; i < head.count; i++) {
    switch (head.ids[i]) {
      case FIELD.X_FORWARDED_FOR:
      case FIELD.X_FORWARDED_PROTO:
      case FIELD.X_FORWARDED_HOST:
      case FIELD.X_FORWARDED_PORT:
      case FIELD.FORWARDED:
      case FIELD.X_REAL_IP:
        head.hop[i] = 1;
        break;
      case FIELD.OTHER:
        if (beginsForwarded(bytes, head, i)) head.hop[i] = 1;
        break;
      default:
    }
  }
}

/**
 * X-Forwarded-Prefix, X-Forwarded-Ssl and whatever else there is, with underscores too: servers and
 * frameworks know more of them than we do.
 */
function beginsForwarded(bytes: Uint8Array, head: Head, field: number): boolean {
  const from = head.fields[field * FIELD_WORDS]!;
  if (head.fields[field * FIELD_WORDS + 1]! - from < X_FORWARDED.length) return false;
  for (let i = 0; i < X_FORWARDED.length; i++) {
    if (FOLDED[bytes[from + i]!] !== X_FORWARDED[i]) return false;
  }
  return true;
}

/**
 * Joins the values of a repeated list field, and hides its lines from the copy. Ends in ", " if
 * any.
 */
function joinValues(
  bytes: Uint8Array,
  head: Head,
  id: number,
  out: Uint8Array,
  at: number,
): number {
  for (let i = head.find(id); i >= 0; i = head.find(id, i + 1)) {
    const cell = i * FIELD_WORDS;
    if (head.hop[i] === 1 || head.fields[cell + 2]! >= head.fields[cell + 3]!) continue;
    head.hop[i] = 1;
    at = copy(bytes, head.fields[cell + 2]!, head.fields[cell + 3]!, out, at);
    at = putBytes(COMMA, out, at);
  }
  return at;
}

function writeForwarding(
  frontend: FrontendRuntime,
  bytes: Uint8Array,
  head: Head,
  peer: Uint8Array,
  edits: HeaderEdits,
  out: Uint8Array,
  at: number,
): number {
  const plan = frontend.plan.forwarded;
  const known = isKnown(peer);
  if (plan.xForwardedFor && known && !isEdited(edits, FIELD.X_FORWARDED_FOR)) {
    at = putBytes(X_FORWARDED_FOR, out, at);
    at = joinValues(bytes, head, FIELD.X_FORWARDED_FOR, out, at);
    at = putBytes(CRLF, out, putIp(peer, 0, out, at));
  }
  if (plan.xForwardedProto && !isEdited(edits, FIELD.X_FORWARDED_PROTO)) {
    if (findKept(head, FIELD.X_FORWARDED_PROTO) < 0) at = putBytes(X_FORWARDED_PROTO, out, at);
  }
  const host = plan.xForwardedHost && !isEdited(edits, FIELD.X_FORWARDED_HOST);
  if (host && findKept(head, FIELD.X_FORWARDED_HOST) < 0) {
    at = putBytes(X_FORWARDED_HOST, out, at);
    at = putBytes(CRLF, out, copy(bytes, head.hostStart, head.hostEnd, out, at));
  }
  if (plan.forwarded && !isEdited(edits, FIELD.FORWARDED)) {
    at = putBytes(FORWARDED, out, at);
    at = joinValues(bytes, head, FIELD.FORWARDED, out, at);
    at = putBytes(FORWARDED_FOR, out, at);
    at = known ? writeForwardedNode(peer, out, at) : putBytes(UNKNOWN, out, at);
    at = putBytes(CRLF, out, putBytes(FORWARDED_PROTO, out, at));
  }
  return at;
}

/** False for sixteen zeros, which stand for no address. */
function isKnown(peer: Uint8Array): boolean {
  for (let i = 15; i >= 0; i--) if (peer[i] !== 0) return true;
  return false;
}

/** RFC 7239 §6: an IPv6 address goes into brackets and quotes. */
function writeForwardedNode(peer: Uint8Array, out: Uint8Array, at: number): number {
  const start = at;
  at = putIp(peer, 0, out, at + 2);
  let v6 = false;
  for (let i = start + 2; i < at; i++) v6 ||= out[i] === 58;
  if (!v6) {
    out.copyWithin(start, start + 2, at);
    return at - 2;
  }
  out[start] = QUOTE;
  out[start + 1] = 91;
  out[at] = 93;
  out[at + 1] = QUOTE;
  return at + 2;
}

function writeVia(
  frontend: FrontendRuntime,
  bytes: Uint8Array,
  head: Head,
  out: Uint8Array,
  at: number,
) {
  if (frontend.via.length === 0) return at;
  at = putBytes(VIA, out, at);
  at = joinValues(bytes, head, FIELD.VIA, out, at);
  at = putBytes(head.version === 10 ? VIA_10 : VIA_11, out, at);
  return putBytes(frontend.via, out, at);
}

function writeTarget(
  bytes: Uint8Array,
  head: Head,
  target: Uint8Array,
  targetEnd: number,
  out: Uint8Array,
  at: number,
): number {
  if (targetEnd > 0) return copy(target, 0, targetEnd, out, at);
  if (head.form === TARGET.ORIGIN || head.form === TARGET.ASTERISK) {
    return copy(bytes, head.targetStart, head.targetEnd, out, at);
  }
  // Absolute form goes on in origin form (RFC 9112 §3.2.2); an empty path is `/`, or `*` for
  // OPTIONS.
  if (head.pathEnd > head.pathStart) at = copy(bytes, head.pathStart, head.pathEnd, out, at);
  else out[at++] = head.method === 6 && head.queryEnd === head.queryStart ? ASTERISK : SLASH;
  if (head.queryEnd > head.queryStart) {
    out[at++] = QUESTION;
    at = copy(bytes, head.queryStart, head.queryEnd, out, at);
  }
  return at;
}

/**
 * Writes the request head as the server gets it: what the parser proved unambiguous is copied line
 * by line, hop-by-hop fields and forgeries are left out, ours are added. Marks fields of `head` as
 * not to be copied on the way. `out` has room for the head, REQUEST_ROOM, the edits and `target`.
 * Returns the end.
 */
export function writeRequest(
  frontend: FrontendRuntime,
  bytes: Uint8Array,
  head: Head,
  peer: Uint8Array,
  trusted: boolean,
  edits: HeaderEdits,
  target: Uint8Array,
  targetEnd: number,
  persistence: Persistence | undefined,
  out: Uint8Array,
  at: number,
): number {
  at = copy(bytes, head.methodStart, head.methodEnd, out, at);
  out[at++] = 32;
  at = putBytes(HTTP_11, out, writeTarget(bytes, head, target, targetEnd, out, at));
  if (!trusted) dropForged(bytes, head);
  if (edits.count > 0) dropEdited(bytes, head, edits);
  const host = head.find(FIELD.HOST);
  if ((head.form === TARGET.ABSOLUTE || host < 0) && !isEdited(edits, FIELD.HOST)) {
    if (host >= 0) head.hop[host] = 1;
    at = putBytes(HOST, out, at);
    at = putBytes(CRLF, out, copy(bytes, head.hostStart, head.hostEnd, out, at));
  }
  let upgradeAt = -1;
  if (head.upgrade) upgradeAt = head.find(FIELD.UPGRADE);
  at = writeForwarding(frontend, bytes, head, peer, edits, out, at);
  at = writeVia(frontend, bytes, head, out, at);
  if (persistence?.editsRequests) at = writeCookies(persistence, bytes, head, out, at);
  at = copyFields(bytes, head, out, at);
  if (edits.count > 0) at = writeEdits(edits, out, at);
  if (upgradeAt >= 0) at = writeUpgrade(bytes, head, upgradeAt, out, at);
  if (head.framing === FRAMING.CHUNKED) at = putBytes(CHUNKED, out, at);
  return putBytes(CRLF, out, at);
}

function writeUpgrade(bytes: Uint8Array, head: Head, field: number, out: Uint8Array, at: number) {
  const cell = field * FIELD_WORDS;
  at = putBytes(UPGRADE, out, at);
  at = copy(bytes, head.fields[cell + 2]!, head.fields[cell + 3]!, out, at);
  return putBytes(CRLF, out, at);
}

/** What the client is told of its connection. */
export const CONNECTION = Object.freeze({ NOTHING: 0, CLOSE: 1, KEEP_ALIVE: 2 });

/**
 * Writes the answer's head as the client gets it, without the empty line, so that the caller can
 * add fields; endHead writes that. `out` has room for the head, RESPONSE_ROOM and the edits.
 * Returns the end.
 */
export function writeResponse(
  frontend: FrontendRuntime,
  bytes: Uint8Array,
  head: Head,
  edits: HeaderEdits | undefined,
  chunked: boolean,
  connection: number,
  out: Uint8Array,
  at: number,
): number {
  at = putBytes(HTTP_11_STATUS, out, at);
  out[at] = 48 + Math.floor(head.status / 100);
  out[at + 1] = 48 + (Math.floor(head.status / 10) % 10);
  out[at + 2] = 48 + (head.status % 10);
  out[at + 3] = 32;
  at = copy(bytes, head.reasonStart, head.reasonEnd, out, at + 4);
  at = putBytes(CRLF, out, at);
  if (edits !== undefined && edits.count > 0) dropEdited(bytes, head, edits);
  at = writeVia(frontend, bytes, head, out, at);
  at = copyFields(bytes, head, out, at);
  if (edits !== undefined && edits.count > 0) at = writeEdits(edits, out, at);
  if (head.status === 101) {
    const upgrade = head.find(FIELD.UPGRADE);
    if (upgrade >= 0) at = writeUpgrade(bytes, head, upgrade, out, at);
  } else if (connection === CONNECTION.CLOSE) at = putBytes(CLOSE, out, at);
  else if (connection === CONNECTION.KEEP_ALIVE) at = putBytes(KEEP_ALIVE, out, at);
  return chunked ? putBytes(CHUNKED, out, at) : at;
}

export function endHead(out: Uint8Array, at: number): number {
  out[at] = 13;
  out[at + 1] = 10;
  return at + 2;
}
