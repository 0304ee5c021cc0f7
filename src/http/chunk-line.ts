// @hot
import {
  BACKSLASH,
  CLASS,
  CR,
  EQUALS,
  HEX,
  hexValue,
  LF,
  QUOTE,
  QUOTED,
  SEMICOLON,
  TOKEN,
  VALUE,
} from "./tokens.ts";

/** Cells of a chunked body's state; all zero at its beginning. The size is LOW + HIGH · 2³². */
export const CHUNK = Object.freeze({ PHASE: 0, LOW: 1, HIGH: 2, DIGITS: 3, EXTENSION_BYTES: 4 });

/**
 * Where in a chunked body we are (RFC 9112 §7.1):
 *
 *     1a2b ; name = value CR LF  … data …  CR LF   1a …   0 CR LF  trailer lines  CR LF
 *     SIZE   NAME   VALUE  SIZE_LF  DATA   DATA_CR DATA_LF SIZE     TRAILERS          DONE
 */
export const PHASE = Object.freeze({
  SIZE: 0,
  NAME_START: 1,
  NAME: 2,
  VALUE_START: 3,
  VALUE: 4,
  QUOTED: 5,
  PAIR: 6,
  AFTER_QUOTED: 7,
  SIZE_LF: 8,
  DATA: 9,
  DATA_CR: 10,
  DATA_LF: 11,
  TRAILERS: 12,
  DONE: 13,
});

/** Digits of a chunk's size, leading zeros with it. */
const MAX_DIGITS = 16;
/** Extensions of all chunks together: nothing uses them, so only abuse has more. */
const MAX_EXTENSION_BYTES = 4096;
/** 2⁵³-1 is HIGH = 2²¹-1 and LOW full: one more digit must not push HIGH beyond that. */
const HIGH_LIMIT = 0x1fffff;

/**
 * The phase after byte `c` of a chunk's framing, in any phase but DATA, TRAILERS and DONE; -1 when
 * it must not stand there. White space is allowed nowhere but in quotes: RFC 9112 §7.1.1 would have
 * us skip it around extensions, but parsers that differ on it have been used to smuggle requests.
 */
export function stepChunk(phase: number, c: number, state: Int32Array, at: number): number {
  switch (phase) {
    case PHASE.SIZE:
      if ((CLASS[c]! & HEX) !== 0) return addDigit(hexValue(c), state, at);
      return state[at + CHUNK.DIGITS] === 0 ? -1 : endOfPart(c);
    case PHASE.SIZE_LF:
      if (c !== LF) return -1;
      state[at + CHUNK.DIGITS] = 0;
      return state[at + CHUNK.LOW] === 0 && state[at + CHUNK.HIGH] === 0
        ? PHASE.TRAILERS
        : PHASE.DATA;
    case PHASE.DATA_CR:
      return c === CR ? PHASE.DATA_LF : -1;
    case PHASE.DATA_LF:
      return c === LF ? PHASE.SIZE : -1;
    default:
      if (++state[at + CHUNK.EXTENSION_BYTES]! > MAX_EXTENSION_BYTES) return -1;
      return stepExtension(phase, c);
  }
}

function addDigit(value: number, state: Int32Array, at: number): number {
  const low = state[at + CHUNK.LOW]!;
  const high = state[at + CHUNK.HIGH]! * 16 + (low >>> 28);
  if (++state[at + CHUNK.DIGITS]! > MAX_DIGITS || high > HIGH_LIMIT) return -1;
  state[at + CHUNK.HIGH] = high;
  state[at + CHUNK.LOW] = (low << 4) | value;
  return PHASE.SIZE;
}

/** After a size, a name or a value: the next extension, or the line's end. */
function endOfPart(c: number): number {
  return c === CR ? PHASE.SIZE_LF : c === SEMICOLON ? PHASE.NAME_START : -1;
}

function stepExtension(phase: number, c: number): number {
  const token = (CLASS[c]! & TOKEN) !== 0;
  switch (phase) {
    case PHASE.NAME_START:
      return token ? PHASE.NAME : -1;
    case PHASE.NAME:
      return token ? PHASE.NAME : c === EQUALS ? PHASE.VALUE_START : endOfPart(c);
    case PHASE.VALUE_START:
      return token ? PHASE.VALUE : c === QUOTE ? PHASE.QUOTED : -1;
    case PHASE.VALUE:
      return token ? PHASE.VALUE : endOfPart(c);
    case PHASE.QUOTED:
      if (c === QUOTE) return PHASE.AFTER_QUOTED;
      if (c === BACKSLASH) return PHASE.PAIR;
      return (CLASS[c]! & QUOTED) !== 0 ? PHASE.QUOTED : -1;
    case PHASE.PAIR:
      return (CLASS[c]! & VALUE) !== 0 ? PHASE.QUOTED : -1;
    default:
      return endOfPart(c);
  }
}
