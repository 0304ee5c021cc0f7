// @hot
/**
 * HAProxy's HTTP log (configuration manual, "HTTP log format"), field for field, so that halog and
 * every script written for it go on working:
 *
 *   %ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc %ac/%fc/%bc/%sc/%rc
 *   %sq/%bq "%r"
 *
 * Captured cookies are always `-`; captured headers (%hr %hs) are left out, as HAProxy does without
 * captures. Quotes, `#`, controls and bytes above 126 become `#XX`.
 */
import { latin1 } from "#base/bytes.ts";
import { FACTS } from "#base/errors.ts";
import { createEscapes, putBytes, putEscaped, putIp, putNumber } from "./log-bytes.ts";
import { putClfSecond, putMillis } from "./log-date.ts";
import type { LogRecord } from "./log-record.ts";

const ESCAPES = createEscapes('"#');
const MARK = latin1("#");
const UNIX = latin1("unix:0");
const NO_SERVER = latin1("<NOSRV>");
const NO_REQUEST = latin1("<BADREQ>");
const COOKIES = latin1(" - - ");

/** The first two termination characters of every CODE, one after another. */
const FLAGS = latin1(FACTS.map((fact) => fact.flags).join(""));

const SPACE = 32;
const SLASH = 47;
const QUOTE = 34;

/** The four termination characters: who ended it, in which phase, and what of the cookie. */
export function putTermination(record: LogRecord, out: Uint8Array, at: number): number {
  out[at] = FLAGS[record.code * 2]!;
  out[at + 1] = FLAGS[record.code * 2 + 1]!;
  out[at + 2] = record.asked;
  out[at + 3] = record.given;
  return at + 4;
}

/** A LogFormatter. */
export function formatHttplog(
  record: LogRecord,
  out: Uint8Array,
  at: number,
  limit: number,
): number {
  let o = at;
  if (record.peerPort < 0) {
    o = putBytes(UNIX, out, o);
  } else {
    o = putIp(record.peer, record.peerAt, out, o);
    out[o++] = 58;
    o = putNumber(record.peerPort, out, o);
  }
  out[o++] = SPACE;
  out[o++] = 91;
  o = putClfSecond(record.wallMs, out, o);
  o = putMillis(record.wallMs, out, o);
  out[o++] = 93;
  out[o++] = SPACE;
  o = putNames(record, out, o);
  out[o++] = SPACE;
  o = putTimes(record, out, o);
  out[o++] = SPACE;
  o = putNumber(record.status, out, o);
  out[o++] = SPACE;
  o = putNumber(record.bytesOut, out, o);
  o = putBytes(COOKIES, out, o);
  o = putTermination(record, out, o);
  out[o++] = SPACE;
  o = putCounts(record, out, o);
  out[o++] = SPACE;
  out[o++] = QUOTE;
  if (record.requestFrom === record.requestTo) o = putBytes(NO_REQUEST, out, o);
  else {
    const from = record.requestFrom;
    o = putEscaped(record.text, from, record.requestTo, ESCAPES, MARK, out, o, limit - 2);
  }
  out[o++] = QUOTE;
  out[o++] = 10;
  return o;
}

/** `frontend backend/server` */
function putNames(record: LogRecord, out: Uint8Array, at: number): number {
  let o = putBytes(record.frontend, out, at);
  out[o++] = SPACE;
  o = putBytes(record.backend.length === 0 ? record.frontend : record.backend, out, o);
  out[o++] = SLASH;
  return putBytes(record.server.length === 0 ? NO_SERVER : record.server, out, o);
}

/** `TR/Tw/Tc/Tr/Ta` */
function putTimes(record: LogRecord, out: Uint8Array, at: number): number {
  let o = putNumber(record.requestMs, out, at);
  out[o++] = SLASH;
  o = putNumber(record.queueMs, out, o);
  out[o++] = SLASH;
  o = putNumber(record.connectMs, out, o);
  out[o++] = SLASH;
  o = putNumber(record.responseMs, out, o);
  out[o++] = SLASH;
  return putNumber(record.totalMs, out, o);
}

/** `ac/fc/bc/sc/rc sq/bq`; a plus sign before the retries when they went to another server. */
function putCounts(record: LogRecord, out: Uint8Array, at: number): number {
  let o = putNumber(record.processConnections, out, at);
  out[o++] = SLASH;
  o = putNumber(record.frontendConnections, out, o);
  out[o++] = SLASH;
  o = putNumber(record.backendActive, out, o);
  out[o++] = SLASH;
  o = putNumber(record.serverActive, out, o);
  out[o++] = SLASH;
  if (record.redispatched !== 0) out[o++] = 43;
  o = putNumber(record.retries, out, o);
  out[o++] = SPACE;
  o = putNumber(record.serverQueue, out, o);
  out[o++] = SLASH;
  return putNumber(record.backendQueue, out, o);
}
