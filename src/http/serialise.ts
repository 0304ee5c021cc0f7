// @hot
import { FIELD_NAMES, FIELD_WORDS, type Head } from "./head.ts";
import { STATUS_LINES } from "./reason.ts";
import { CR, LF } from "./tokens.ts";

/**
 * Writers of HTTP/1.1. Each writes at out[at…], for which the caller has made room, and returns the
 * position after what it wrote. None allocates.
 */

/** `value` in decimal digits; a whole number from 0 to 2⁵³-1, at most 16 bytes. */
export function writeDecimal(out: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let bound = 10; bound <= value; bound *= 10) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10);
    // In this order: beyond 2⁵³ the sum would lose its last bit.
    out[i] = 48 + (rest - next * 10);
    rest = next;
  }
  return at + digits;
}

/** `value` in lower-case hex digits; a whole number from 0 to 2⁵³-1, at most 14 bytes. */
export function writeHex(out: Uint8Array, at: number, value: number): number {
  let digits = 1;
  for (let bound = 16; bound <= value; bound *= 16) digits++;
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 16);
    const digit = rest - next * 16;
    out[i] = digit < 10 ? 48 + digit : 87 + digit;
    rest = next;
  }
  return at + digits;
}

/**
 * The line before a chunk's data; 0 is the last chunk, after which trailers or an empty line come.
 */
export function writeChunkHeader(out: Uint8Array, at: number, payloadBytes: number): number {
  return writeCrlf(out, writeHex(out, at, payloadBytes));
}

export function writeCrlf(out: Uint8Array, at: number): number {
  out[at] = CR;
  out[at + 1] = LF;
  return at + 2;
}

/** `HTTP/1.1 404 Not Found\r\n` for a status from 100 to 599. */
export function writeStatusLine(out: Uint8Array, at: number, status: number): number {
  const text = STATUS_LINES[status]!;
  return copyBytes(text, 0, text.length, out, at);
}

/** Copies bytes[from, to), also within one array where the ranges overlap. */
export function copyBytes(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  if (bytes === out) out.copyWithin(at, from, to);
  else for (let i = from, j = at; i < to; i++, j++) out[j] = bytes[i]!;
  return at + to - from;
}

const KEEP_ALL = new Uint8Array(FIELD_NAMES.length);

/**
 * Copies the field lines of a parsed head that may be forwarded: those without a `hop` mark whose
 * id is not set in `skip` (1 by FIELD id). Lines that stay neighbours are copied in one go, as they
 * came: the parser has proven each of them to be one unambiguous `name: value CRLF`.
 */
export function copyFields(
  bytes: Uint8Array,
  head: Head,
  out: Uint8Array,
  at: number,
  skip: Uint8Array = KEEP_ALL,
): number {
  const count = head.count;
  let write = at;
  let i = 0;
  while (i < count) {
    if (head.hop[i] !== 0 || skip[head.ids[i]!] === 1) {
      i++;
      continue;
    }
    const first = i;
    while (i < count && head.hop[i] === 0 && skip[head.ids[i]!] === 0) i++;
    const from = head.fields[first * FIELD_WORDS]!;
    write = copyBytes(bytes, from, lineEnd(bytes, head, i - 1), out, write);
  }
  return write;
}

/** Position after the CRLF of field `index`. */
export function lineEnd(bytes: Uint8Array, head: Head, index: number): number {
  if (index + 1 < head.count) return head.fields[(index + 1) * FIELD_WORDS]!;
  let at = head.fields[index * FIELD_WORDS + 3]!;
  while (bytes[at] !== LF) at++;
  return at + 1;
}
