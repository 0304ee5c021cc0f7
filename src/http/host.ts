// @hot
import { CLASS, COLON, DOT, HEX, isDigit, NAME } from "./tokens.ts";

/** Longest name in the DNS, as text. */
const MAX_NAME_BYTES = 255;
const OPEN = 91;
const CLOSE = 93;

/**
 * True when bytes[from, to) is a host with an optional port, as in Host and in a target's authority
 * (RFC 9110 §7.2): a name of unreserved characters without empty labels (one dot may end it), an
 * IPv4 address, or an IPv6 address in brackets. Refused although the grammar has them: sub-delims
 * and percent-encoding in names, IPvFuture, an empty port. User information never belongs here.
 */
export function isHost(bytes: Uint8Array, from: number, to: number): boolean {
  if (from >= to) return false;
  const at = bytes[from] === OPEN ? endOfBracket(bytes, from + 1, to) : endOfName(bytes, from, to);
  if (at < 0) return false;
  return at === to || (bytes[at] === COLON && isPort(bytes, at + 1, to));
}

function endOfName(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  let label = from;
  while (at < to && (CLASS[bytes[at]!]! & NAME) !== 0) {
    if (bytes[at] === DOT) {
      if (at === label) return -1;
      label = at + 1;
    }
    at++;
  }
  return at === from || at - from > MAX_NAME_BYTES ? -1 : at;
}

function isPort(bytes: Uint8Array, from: number, to: number): boolean {
  if (from === to || to - from > 5) return false;
  let port = 0;
  for (let i = from; i < to; i++) {
    if (!isDigit(bytes[i]!)) return false;
    port = port * 10 + bytes[i]! - 48;
  }
  return port <= 65535;
}

/** RFC 4291 §2.2 after the `[`: the position after the `]`, or -1. No zone. */
function endOfBracket(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  let groups = 0;
  let gap = false;
  if (isColon(bytes, at, to)) {
    if (!isColon(bytes, at + 1, to)) return -1;
    gap = true;
    at += 2;
  }
  while (at < to && bytes[at] !== CLOSE) {
    const start = at;
    while (at < to && at - start < 4 && (CLASS[bytes[at]!]! & HEX) !== 0) at++;
    if (at < to && bytes[at] === DOT) {
      at = endOfQuad(bytes, start, to);
      groups += 2;
      break;
    }
    if (at === start) return -1;
    groups++;
    if (at >= to || bytes[at] === CLOSE) break;
    if (!isColon(bytes, at, to)) return -1;
    at++;
    if (isColon(bytes, at, to)) {
      if (gap) return -1;
      gap = true;
      at++;
    } else if (at >= to || bytes[at] === CLOSE) return -1;
  }
  if (at < 0 || at >= to || bytes[at] !== CLOSE) return -1;
  return (gap ? groups <= 7 : groups === 8) ? at + 1 : -1;
}

function isColon(bytes: Uint8Array, at: number, to: number): boolean {
  return at < to && bytes[at] === COLON;
}

/** The end of a dotted quad without leading zeros, or -1. */
function endOfQuad(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  for (let n = 0; n < 4; n++) {
    if (n > 0) {
      if (at >= to || bytes[at] !== DOT) return -1;
      at++;
    }
    const start = at;
    let value = 0;
    while (at < to && at - start < 4 && isDigit(bytes[at]!)) {
      value = value * 10 + bytes[at]! - 48;
      at++;
    }
    if (at === start || value > 255 || (bytes[start] === 48 && at - start > 1)) return -1;
  }
  return at;
}
