// @hot
import { latin1, sameLower } from "#base/bytes.ts";
import { OPTION, scanConnection } from "./connection.ts";
import { CODING, codingOf, parseLength } from "./framing.ts";
import { FIELD, FIELD_WORDS, type Head } from "./head.ts";
import { skipSpace, skipToken } from "./parameters.ts";
import { COMMA, SLASH } from "./tokens.ts";

/**
 * What a parser has met so far in one head, as bits. The low ones are OPTION's, from Connection.
 */
export const SEEN = Object.freeze({
  CLOSE: OPTION.CLOSE,
  KEEP_ALIVE: OPTION.KEEP_ALIVE,
  UPGRADE_OPTION: OPTION.UPGRADE,
  NAMES: OPTION.NAMES,
  LENGTH: 16,
  CODING: 32,
  HOST: 64,
  UPGRADE: 128,
  /** The Upgrade field asks for HTTP/2, which would carry requests past the rules: not granted. */
  H2C: 256,
  EXPECT: 512,
});

/** Refusals of takeField. */
export const BROKEN = -1;
export const UNKNOWN_CODING = -2;

const H2C = latin1("h2c");

/**
 * Takes in the field just parsed (number head.count) as far as requests and responses agree on it:
 * framing and Connection. Returns the new SEEN bits, BROKEN or UNKNOWN_CODING. head.version is
 * known.
 */
export function takeField(
  bytes: Uint8Array,
  head: Head,
  id: number,
  seen: number,
  response: boolean,
): number {
  const cell = head.count * FIELD_WORDS;
  const from = head.fields[cell + 2]!;
  const to = head.fields[cell + 3]!;
  switch (id) {
    case FIELD.CONTENT_LENGTH: {
      if ((seen & (SEEN.LENGTH | SEEN.CODING)) !== 0) return BROKEN;
      const length = parseLength(bytes, from, to);
      if (length < 0) return BROKEN;
      head.contentLength = length;
      return seen | SEEN.LENGTH;
    }
    case FIELD.TRANSFER_ENCODING: {
      if ((seen & (SEEN.LENGTH | SEEN.CODING)) !== 0 || head.version !== 11) return BROKEN;
      const coding = codingOf(bytes, from, to);
      if (coding === CODING.MALFORMED) return BROKEN;
      return coding === CODING.UNKNOWN ? UNKNOWN_CODING : seen | SEEN.CODING;
    }
    case FIELD.CONNECTION: {
      const options = scanConnection(bytes, from, to, response);
      return options < 0 ? BROKEN : seen | options;
    }
    case FIELD.UPGRADE: {
      const protocols = scanUpgrade(bytes, from, to);
      return protocols < 0 ? BROKEN : seen | protocols;
    }
    default:
      return seen;
  }
}

/** SEEN bits of an Upgrade value: `1#( token [ "/" token ] )` (RFC 9110 §7.8), or -1. */
function scanUpgrade(bytes: Uint8Array, from: number, to: number): number {
  let seen: number = SEEN.UPGRADE;
  let at = from;
  for (;;) {
    const end = skipToken(bytes, at, to);
    if (end === at) return -1;
    if (sameLower(bytes, at, end, H2C)) seen |= SEEN.H2C;
    at = end;
    if (at < to && bytes[at] === SLASH) {
      at = skipToken(bytes, end + 1, to);
      if (at === end + 1) return -1;
    }
    at = skipSpace(bytes, at, to);
    if (at === to) return seen;
    if (bytes[at] !== COMMA) return -1;
    at = skipSpace(bytes, at + 1, to);
  }
}

/** RFC 9112 §9.3: whether the sender lets the connection be used again. */
export function mayKeepAlive(version: number, seen: number): boolean {
  if ((seen & SEEN.CLOSE) !== 0) return false;
  return version === 11 || (seen & SEEN.KEEP_ALIVE) !== 0;
}

/** Both halves of an upgrade are there, on HTTP/1.1, to a protocol that may be tunnelled. */
export function mayUpgrade(version: number, seen: number): boolean {
  const wanted = SEEN.UPGRADE_OPTION | SEEN.UPGRADE;
  return version === 11 && (seen & (wanted | SEEN.H2C)) === wanted;
}

/**
 * Trailer announces fields behind a chunked body; behind any other body there is no room for them.
 */
export function dropTrailerField(head: Head): void {
  for (let i = head.find(FIELD.TRAILER); i >= 0; i = head.find(FIELD.TRAILER, i + 1)) {
    head.hop[i] = 1;
  }
}
