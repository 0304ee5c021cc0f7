// @hot
import { CODE } from "#base/errors.ts";
import { BACKSLASH, CLASS, DOT, HEX, hexValue, PATH, PERCENT, SEMICOLON, SLASH } from "./tokens.ts";

const MALFORMED = -CODE.REQUEST_MALFORMED;

/** Set in what unitAt returns when the byte came as %XX. */
const ENCODED = 256;

/**
 * The byte that bytes[at] or the %XX there stands for, with ENCODED. -1 for a broken %XX, for NUL,
 * and for a byte that must not stand in a path as it is.
 */
function unitAt(bytes: Uint8Array, at: number, to: number): number {
  const c = bytes[at]!;
  if (c !== PERCENT) return (CLASS[c]! & PATH) === 0 ? -1 : c;
  if (at + 2 >= to) return -1;
  const high = bytes[at + 1]!;
  const low = bytes[at + 2]!;
  if ((CLASS[high]! & CLASS[low]! & HEX) === 0) return -1;
  const value = hexValue(high) * 16 + hexValue(low);
  return value === 0 ? -1 : value | ENCODED;
}

/** `/` and an encoded `/` or `\`: some server will take each of them for a separator. */
function isSeparator(unit: number): boolean {
  const c = unit & 255;
  return c === SLASH || c === BACKSLASH;
}

/**
 * Whether an encoded byte is written plainly: what a path may hold, but for the delimiters `%` and
 * `;`. RFC 3986 §2.2 would keep the other reserved characters encoded, but servers decode before
 * they look a path up, and a rule has to see what they see.
 */
function isPlain(c: number): boolean {
  return (CLASS[c]! & PATH) !== 0 && c !== PERCENT && c !== SEMICOLON;
}

function hexDigit(value: number): number {
  return value < 10 ? 48 + value : 55 + value;
}

/**
 * Writes the path bytes[from, to) (no query) to out[at…] in the form rules compare: encoded
 * characters plain where that changes nothing, other encodings in upper case, every separator a
 * `/`, doubled ones merged, `.` and `..` segments resolved also when a `;parameter` hangs on them.
 * Never longer than the path itself, so `out` needs no more room. Returns the end in `out`, or
 * -CODE.REQUEST_MALFORMED when the path does not begin with `/`, has a broken %XX, an encoded NUL,
 * or a byte that no path may have.
 */
export function normalisePath(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  if (from >= to || bytes[from] !== SLASH) return MALFORMED;
  out[at] = SLASH;
  let end = at + 1;
  let segment = end;
  let i = from + 1;
  while (i < to) {
    const unit = unitAt(bytes, i, to);
    if (unit < 0) return MALFORMED;
    i += unit < ENCODED ? 1 : 3;
    if (isSeparator(unit)) {
      const cut = resolve(out, at, segment, end);
      if (cut < 0) out[end++] = SLASH;
      else end = cut;
      segment = end;
    } else if (unit < ENCODED || isPlain(unit & 255)) {
      out[end++] = unit & 255;
    } else {
      out[end++] = PERCENT;
      out[end++] = hexDigit((unit & 255) >> 4);
      out[end++] = hexDigit(unit & 15);
    }
  }
  const cut = resolve(out, at, segment, end);
  return cut < 0 ? end : cut;
}

/**
 * What becomes of the last segment [segment, end) of the path in `out` that begins at `root`: -1
 * when it stays; else the position after the `/` where the path now ends.
 */
function resolve(out: Uint8Array, root: number, segment: number, end: number): number {
  let dots = 0;
  while (segment + dots < end && out[segment + dots] === DOT) dots++;
  if (dots > 2 || !endsName(out, segment + dots, end)) return -1;
  if (dots < 2 || segment === root + 1) return segment;
  let parent = segment - 1;
  while (out[parent - 1] !== SLASH) parent--;
  return parent;
}

/** True at the end of a segment and where `;` (or %3B, as normalised paths have it) begins. */
function endsName(out: Uint8Array, at: number, end: number): boolean {
  if (at === end || out[at] === SEMICOLON) return true;
  return out[at] === PERCENT && out[at + 1] === 51 && out[at + 2] === 66;
}

/**
 * True when the path may be sent on as it came: whoever reads it arrives at what rules compared,
 * because normalising takes no segment away and changes at most how characters are encoded. An
 * encoded slash is such a character: rules take it for a separator, but to some servers it is part
 * of a name, and only the path as it came says so. When false, send what normalisePath wrote, or
 * refuse.
 */
export function pathMeansTheSame(bytes: Uint8Array, from: number, to: number): boolean {
  if (from >= to || bytes[from] !== SLASH) return false;
  // Dots at the segment's start so far, -1 once it has anything else.
  let dots = 0;
  let i = from + 1;
  while (i < to) {
    const unit = unitAt(bytes, i, to);
    if (unit < 0) return false;
    i += unit < ENCODED ? 1 : 3;
    const c = unit & 255;
    if (isSeparator(unit)) {
      if (dots >= 0 && dots <= 2) return false;
      dots = 0;
    } else if (c === DOT && dots >= 0) dots++;
    else if (c === SEMICOLON && dots >= 0 && dots <= 2) return false;
    else dots = -1;
  }
  return dots !== 1 && dots !== 2;
}
