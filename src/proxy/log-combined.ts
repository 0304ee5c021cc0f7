// @hot
/**
 * Apache's and nginx's combined log, which GoAccess, AWStats and the rest read:
 *
 *   ip - - [23/Nov/2026:16:19:00 +0000] "request" status bytes "referer" "user agent"
 *
 * Quotes, backslashes, controls and bytes above 126 become `\xXX`, as in nginx. Bytes are the
 * body's.
 */
import { latin1 } from "#base/bytes.ts";
import { createEscapes, putBytes, putEscaped, putIp, putNumber } from "./log-bytes.ts";
import { putClfSecond } from "./log-date.ts";
import type { LogRecord } from "./log-record.ts";

const ESCAPES = createEscapes('"\\');
const MARK = latin1("\\x");
const UNIX = latin1("unix:");
const BEFORE_DATE = latin1(" - - [");
const AFTER_DATE = latin1(' +0000] "');
const NEXT_TEXT = latin1('" "');
const DASH = 45;

/** What must stay free behind the request: numbers, quotes, and this much of each later text. */
const AFTER_REQUEST = 768;
const AFTER_REFERER = 384;

/** A LogFormatter. */
export function formatCombined(
  record: LogRecord,
  out: Uint8Array,
  at: number,
  limit: number,
): number {
  let o = at;
  if (record.peerPort < 0) o = putBytes(UNIX, out, o);
  else o = putIp(record.peer, record.peerAt, out, o);
  o = putBytes(BEFORE_DATE, out, o);
  o = putClfSecond(record.wallMs, out, o);
  o = putBytes(AFTER_DATE, out, o);
  o = putText(record.text, record.requestFrom, record.requestTo, out, o, limit - AFTER_REQUEST);
  out[o++] = 34;
  out[o++] = 32;
  o = putNumber(Math.max(record.status, 0), out, o);
  out[o++] = 32;
  o = putNumber(record.bodyBytes, out, o);
  out[o++] = 32;
  out[o++] = 34;
  o = putText(record.text, record.refererFrom, record.refererTo, out, o, limit - AFTER_REFERER);
  o = putBytes(NEXT_TEXT, out, o);
  o = putText(record.text, record.agentFrom, record.agentTo, out, o, limit - 2);
  out[o++] = 34;
  out[o++] = 10;
  return o;
}

/** The text escaped, or `-` for none. */
function putText(
  text: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
  end: number,
): number {
  if (from !== to) return putEscaped(text, from, to, ESCAPES, MARK, out, at, end);
  out[at] = DASH;
  return at + 1;
}
