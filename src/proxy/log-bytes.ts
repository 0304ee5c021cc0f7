// @hot
/** Writers of the access log: each puts bytes at out[at…] and returns the position after them. */
import { latin1 } from "#base/bytes.ts";

const HEX_UPPER = latin1("0123456789ABCDEF");
const HEX_LOWER = latin1("0123456789abcdef");

/**
 * A table that is 1 for every byte an escape must replace: controls, DEL and above, and `others`.
 */
export function createEscapes(others: string): Uint8Array {
  const table = new Uint8Array(256);
  table.fill(1, 0, 32);
  table.fill(1, 127);
  for (let i = 0; i < others.length; i++) table[others.charCodeAt(i)] = 1;
  return table;
}

/** Copies all of `bytes`, which are known to be harmless and to fit. */
export function putBytes(bytes: Uint8Array, out: Uint8Array, at: number): number {
  const n = bytes.length;
  for (let i = 0; i < n; i++) out[at + i] = bytes[i]!;
  return at + n;
}

/** Decimal digits of a whole number of at most 2⁵³, with a minus sign when it is negative. */
export function putNumber(value: number, out: Uint8Array, at: number): number {
  let rest = value;
  let to = at;
  if (rest < 0) {
    out[to++] = 45;
    rest = -rest;
  }
  if (rest < 10) {
    out[to] = 48 + rest;
    return to + 1;
  }
  let digits = 1;
  for (let bound = 10; rest >= bound; bound *= 10) digits++;
  const end = to + digits;
  let i = end;
  while (rest >= 0x40000000) {
    const tenth = Math.floor(rest / 10);
    out[--i] = 48 + (rest - tenth * 10);
    rest = tenth;
  }
  let small = rest | 0;
  while (i > to) {
    const tenth = (small / 10) | 0;
    out[--i] = 48 + (small - tenth * 10);
    small = tenth;
  }
  return end;
}

/** `value` in exactly `width` digits, zeros in front. */
export function putPadded(value: number, width: number, out: Uint8Array, at: number): number {
  let rest = value;
  for (let i = at + width - 1; i >= at; i--) {
    const tenth = (rest / 10) | 0;
    out[i] = 48 + (rest - tenth * 10);
    rest = tenth;
  }
  return at + width;
}

/**
 * Copies text[from, to) with every byte marked in `escapes` written as `mark` and two hexadecimal
 * digits (upper case), stopping before `end` where the next piece would not fit.
 */
export function putEscaped(
  text: Uint8Array,
  from: number,
  to: number,
  escapes: Uint8Array,
  mark: Uint8Array,
  out: Uint8Array,
  at: number,
  end: number,
): number {
  let o = at;
  let i = from;
  while (i < to) {
    const copied = copyPlain(text, i, Math.min(to, i + end - o), escapes, out, o);
    i += copied;
    o += copied;
    if (i === to || o + mark.length + 2 > end || escapes[text[i]!] === 0) return o;
    o = putBytes(mark, out, o);
    out[o++] = HEX_UPPER[text[i]! >> 4]!;
    out[o++] = HEX_UPPER[text[i++]! & 15]!;
  }
  return o;
}

/** Copies text[from, to) up to the first byte marked in `escapes`; returns how many that were. */
export function copyPlain(
  text: Uint8Array,
  from: number,
  to: number,
  escapes: Uint8Array,
  out: Uint8Array,
  at: number,
): number {
  const n = to - from;
  for (let i = 0; i < n; i++) {
    const c = text[from + i]!;
    if (escapes[c] !== 0) return i;
    out[at + i] = c;
  }
  return Math.max(n, 0);
}

/** Text of 16 address bytes as in formatIp: dotted quad for IPv4-mapped, else RFC 5952. */
export function putIp(ip: Uint8Array, from: number, out: Uint8Array, at: number): number {
  if (isMapped(ip, from)) {
    let o = putNumber(ip[from + 12]!, out, at);
    for (let i = 13; i < 16; i++) {
      out[o++] = 46;
      o = putNumber(ip[from + i]!, out, o);
    }
    return o;
  }
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && group(ip, from, i + n) === 0) n++;
    if (n > bestLength) {
      best = i;
      bestLength = n;
    }
  }
  let o = at;
  for (let i = 0; i < 8; i++) {
    if (i === best) {
      out[o++] = 58;
      out[o++] = 58;
      i += bestLength - 1;
      continue;
    }
    if (i > 0 && i !== best + bestLength) out[o++] = 58;
    o = putHex(group(ip, from, i), out, o);
  }
  return o;
}

function isMapped(ip: Uint8Array, from: number): boolean {
  for (let i = 0; i < 10; i++) if (ip[from + i] !== 0) return false;
  return ip[from + 10] === 255 && ip[from + 11] === 255;
}

/** The address's 16-bit group number i. */
function group(ip: Uint8Array, from: number, i: number): number {
  return (ip[from + 2 * i]! << 8) | ip[from + 2 * i + 1]!;
}

/** A 16-bit number in lower-case hexadecimal without zeros in front. */
function putHex(value: number, out: Uint8Array, at: number): number {
  let o = at;
  if (value > 0xfff) out[o++] = HEX_LOWER[value >> 12]!;
  if (value > 0xff) out[o++] = HEX_LOWER[(value >> 8) & 15]!;
  if (value > 0xf) out[o++] = HEX_LOWER[(value >> 4) & 15]!;
  out[o++] = HEX_LOWER[value & 15]!;
  return o;
}
