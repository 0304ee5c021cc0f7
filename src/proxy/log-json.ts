// @hot
/**
 * One flat JSON object a line, snake_case, times in milliseconds (null = not reached). Strings are
 * valid UTF-8 and escaped after RFC 8259 §7; a byte that is not UTF-8 is written as the character
 * of its number, and controls beyond ASCII's (DEL, C1) are escaped too, because logs end up on
 * terminals.
 */
import { latin1 } from "#base/bytes.ts";
import { CODE_NAMES } from "#base/errors.ts";
import { copyPlain, createEscapes, putBytes, putIp, putNumber } from "./log-bytes.ts";
import { putIsoSecond, putMillis } from "./log-date.ts";
import { putTermination } from "./log-httplog.ts";
import type { LogRecord } from "./log-record.ts";

const ESCAPES = createEscapes('"\\');
const HEX = latin1("0123456789abcdef");
const NULL = latin1("null");
const END = latin1('"}\n');

const TIME = latin1('{"time":"');
const CLIENT_IP = latin1('Z","client_ip":"');
const CLIENT_PORT = latin1('","client_port":');
const FRONTEND = latin1(',"frontend":"');
const BACKEND = latin1('","backend":"');
const SERVER = latin1('","server":"');
const METHOD = latin1('","method":"');
const URI = latin1('","uri":"');
const PROTOCOL = latin1('","protocol":"');
const STATUS = latin1('","status":');
const BYTES_IN = latin1(',"bytes_in":');
const BYTES_OUT = latin1(',"bytes_out":');
const REQUEST_MS = latin1(',"request_ms":');
const QUEUE_MS = latin1(',"queue_ms":');
const CONNECT_MS = latin1(',"connect_ms":');
const RESPONSE_MS = latin1(',"response_ms":');
const TOTAL_MS = latin1(',"total_ms":');
const RETRIES = latin1(',"retries":');
const CODE = latin1(',"code":"');
const TERMINATION = latin1('","termination":"');
const HOST = latin1('","host":"');
const REFERER = latin1('","referer":"');
const AGENT = latin1('","user_agent":"');

/** The names of every CODE as bytes, by id. */
const CODE_BYTES = CODE_NAMES.map((name) => latin1(name));

/**
 * What must stay free behind a text: the fixed parts that follow and a share for each later text.
 */
const AFTER_URI = 1216;
const AFTER_HOST = 704;
const AFTER_REFERER = 448;

/** A LogFormatter. */
export function formatJson(record: LogRecord, out: Uint8Array, at: number, limit: number): number {
  let o = putBytes(TIME, out, at);
  o = putIsoSecond(record.wallMs, out, o);
  o = putMillis(record.wallMs, out, o);
  o = putBytes(CLIENT_IP, out, o);
  if (record.peerPort >= 0) o = putIp(record.peer, record.peerAt, out, o);
  o = putMaybe(CLIENT_PORT, record.peerPort, out, o);
  o = putBytes(FRONTEND, out, o);
  o = putBytes(record.frontend, out, o);
  o = putBytes(BACKEND, out, o);
  o = putBytes(record.backend, out, o);
  o = putBytes(SERVER, out, o);
  o = putBytes(record.server, out, o);
  o = putRequest(record, out, o, limit - AFTER_URI);
  o = putNumbers(record, out, o);
  o = putBytes(CODE, out, o);
  o = putBytes(CODE_BYTES[record.code]!, out, o);
  o = putBytes(TERMINATION, out, o);
  o = putTermination(record, out, o);
  o = putBytes(HOST, out, o);
  o = putJsonText(record.text, record.hostFrom, record.hostTo, out, o, limit - AFTER_HOST);
  o = putBytes(REFERER, out, o);
  o = putJsonText(record.text, record.refererFrom, record.refererTo, out, o, limit - AFTER_REFERER);
  o = putBytes(AGENT, out, o);
  o = putJsonText(record.text, record.agentFrom, record.agentTo, out, o, limit - END.length);
  return putBytes(END, out, o);
}

/** Method, URI and protocol: the request line split at its first and its last space. */
function putRequest(record: LogRecord, out: Uint8Array, at: number, end: number): number {
  const text = record.text;
  const from = record.requestFrom;
  const to = record.requestTo;
  let first = from;
  while (first < to && text[first] !== 32) first++;
  let last = to - 1;
  while (last > first && text[last] !== 32) last--;
  const uriFrom = first < to ? first + 1 : to;
  const uriTo = last > first ? last : to;
  const half = at + ((end - at) >> 1);
  let o = putBytes(METHOD, out, at);
  o = putJsonText(text, from, first, out, o, half);
  o = putBytes(URI, out, o);
  o = putJsonText(text, uriFrom, uriTo, out, o, end - 64);
  o = putBytes(PROTOCOL, out, o);
  return putJsonText(text, uriTo < to ? uriTo + 1 : to, to, out, o, end);
}

function putNumbers(record: LogRecord, out: Uint8Array, at: number): number {
  let o = putMaybe(STATUS, record.status, out, at);
  o = putMaybe(BYTES_IN, record.bytesIn, out, o);
  o = putMaybe(BYTES_OUT, record.bytesOut, out, o);
  o = putMaybe(REQUEST_MS, record.requestMs, out, o);
  o = putMaybe(QUEUE_MS, record.queueMs, out, o);
  o = putMaybe(CONNECT_MS, record.connectMs, out, o);
  o = putMaybe(RESPONSE_MS, record.responseMs, out, o);
  o = putMaybe(TOTAL_MS, record.totalMs, out, o);
  return putMaybe(RETRIES, record.retries, out, o);
}

/** A key and its number, or null for a negative one. */
function putMaybe(key: Uint8Array, value: number, out: Uint8Array, at: number): number {
  const o = putBytes(key, out, at);
  return value < 0 ? putBytes(NULL, out, o) : putNumber(value, out, o);
}

/**
 * text[from, to) as the inside of a JSON string, stopping before `end` where the next piece would
 * not fit.
 */
function putJsonText(
  text: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  end: number,
): number {
  let o = at;
  let i = from;
  while (i < to) {
    const copied = copyPlain(text, i, Math.min(to, i + end - o), ESCAPES, out, o);
    i += copied;
    o += copied;
    if (i === to || o >= end) return o;
    const c = text[i]!;
    const n = c < 0xc2 ? 0 : utf8Length(text, i, to);
    if (n === 0 || (c === 0xc2 && text[i + 1]! < 0xa0)) {
      if (o + 6 > end) return o;
      o = putUnicode(n === 2 ? text[i + 1]! : c, out, o);
      i += n === 0 ? 1 : n;
    } else {
      if (o + n > end) return o;
      for (let j = 0; j < n; j++) out[o++] = text[i++]!;
    }
  }
  return o;
}

/** `\u00XX` */
function putUnicode(c: number, out: Uint8Array, at: number): number {
  out[at] = 92;
  out[at + 1] = 117;
  out[at + 2] = 48;
  out[at + 3] = 48;
  out[at + 4] = HEX[c >> 4]!;
  out[at + 5] = HEX[c & 15]!;
  return at + 6;
}

/** Bytes of the well-formed multi-byte UTF-8 character at `i` (Unicode 15, table 3-7), or 0. */
function utf8Length(text: Uint8Array, i: number, to: number): number {
  const c = text[i]!;
  const n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
  if (n === 0 || i + n > to) return 0;
  const second = text[i + 1]!;
  let low = 0x80;
  let high = 0xbf;
  if (c === 0xe0) low = 0xa0;
  else if (c === 0xed) high = 0x9f;
  else if (c === 0xf0) low = 0x90;
  else if (c === 0xf4) high = 0x8f;
  if (second < low || second > high) return 0;
  for (let j = 2; j < n; j++) if ((text[i + j]! & 0xc0) !== 0x80) return 0;
  return n;
}
