// @hot
import {
  BACKSLASH,
  CLASS,
  EQUALS,
  HTAB,
  QUOTE,
  QUOTED,
  SEMICOLON,
  SP,
  TOKEN,
  VALUE,
} from "./tokens.ts";

/**
 * Past `*( OWS ";" OWS token "=" ( token / quoted-string ) ) OWS` (RFC 9110 §5.6.6): the position
 * of the next byte that is none of it, at most `to`, or -1 when a parameter is broken.
 */
export function skipParameters(bytes: Uint8Array, from: number, to: number): number {
  let at = skipSpace(bytes, from, to);
  while (at < to && bytes[at] === SEMICOLON) {
    const name = skipSpace(bytes, at + 1, to);
    const equals = skipToken(bytes, name, to);
    if (equals === name || equals >= to || bytes[equals] !== EQUALS) return -1;
    const value = equals + 1;
    at =
      value < to && bytes[value] === QUOTE
        ? skipQuoted(bytes, value, to)
        : skipToken(bytes, value, to);
    if (at <= value) return -1;
    at = skipSpace(bytes, at, to);
  }
  return at;
}

export function skipSpace(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  return at;
}

export function skipToken(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && (CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
  return at;
}

/** Past the quoted string that begins at `from`, or -1. */
function skipQuoted(bytes: Uint8Array, from: number, to: number): number {
  let at = from + 1;
  while (at < to) {
    const c = bytes[at]!;
    if (c === QUOTE) return at + 1;
    if (c === BACKSLASH) {
      at++;
      if (at >= to || (CLASS[bytes[at]!]! & VALUE) === 0) return -1;
    } else if ((CLASS[c]! & QUOTED) === 0) return -1;
    at++;
  }
  return -1;
}
