// @hot
import { latin1, sameLower } from "#base/bytes.ts";
import { skipParameters } from "./parameters.ts";
import { CLASS, COMMA, HTAB, isDigit, SP, TOKEN } from "./tokens.ts";

const CHUNKED = latin1("chunked");

/** Digits of 2⁵³-1. */
const MAX_DIGITS = 16;

/**
 * A Content-Length: decimal digits up to 2⁵³-1, or -1. Leading zeros are refused: some read them as
 * octal, and nobody sends them. So is a list of equal numbers, which RFC 9110 §8.6 lets us refuse.
 */
export function parseLength(bytes: Uint8Array, from: number, to: number): number {
  const digits = to - from;
  if (digits < 1 || digits > MAX_DIGITS || (bytes[from] === 48 && digits > 1)) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (!isDigit(c)) return -1;
    value = value * 10 + (c - 48);
  }
  return value <= Number.MAX_SAFE_INTEGER ? value : -1;
}

/** What a Transfer-Encoding says. */
export const CODING = Object.freeze({ MALFORMED: -1, UNKNOWN: 0, CHUNKED: 1 });

/**
 * CHUNKED for exactly one `chunked` and nothing else; UNKNOWN for a well-formed list of other
 * codings, chunked at its end or not there at all; MALFORMED for the rest: empty members, chunked
 * twice or before the end, anything that is no list of codings (RFC 9112 §6.1, §7).
 */
export function codingOf(bytes: Uint8Array, from: number, to: number): number {
  if (sameLower(bytes, from, to, CHUNKED)) return CODING.CHUNKED;
  let at = from;
  for (;;) {
    const start = at;
    while (at < to && (CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
    if (at === start) return CODING.MALFORMED;
    const chunked = sameLower(bytes, start, at, CHUNKED);
    at = skipParameters(bytes, at, to);
    if (at < 0) return CODING.MALFORMED;
    if (at === to) return CODING.UNKNOWN;
    if (chunked || bytes[at] !== COMMA) return CODING.MALFORMED;
    at++;
    while (at < to && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  }
}
