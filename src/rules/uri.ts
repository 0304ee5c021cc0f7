// @hot
import { PERCENT } from "#http/tokens.ts";

const text = (chars: string): readonly number[] => Array.from(chars, (c) => c.charCodeAt(0));

const UNRESERVED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
const SUB_DELIMS = "!$&'()*+,;=";
const DIGITS = text("0123456789ABCDEF");

function createAllowed(chars: string): Uint8Array {
  const allowed = new Uint8Array(256);
  text(chars).forEach((c) => {
    allowed[c] = 1;
  });
  return allowed;
}

/**
 * Bytes that stand in a path as they are (RFC 3986 §3.3); `%` because what is escaped stays
 * escaped.
 */
export const PATH_BYTES = createAllowed(`${UNRESERVED}${SUB_DELIMS}:@/%`);

/** The same in a query (§3.4). */
export const QUERY_BYTES = createAllowed(`${UNRESERVED}${SUB_DELIMS}:@/%?`);

/**
 * Copies bytes[from, to) to `out` at `at`, what is not in `allowed` as `%XX`. Returns the end of
 * what was written, or -1 when there is no room for it or `at` is negative: copies can be chained,
 * and the last result checked.
 */
export function copyEscaped(
  bytes: Uint8Array,
  from: number,
  to: number,
  allowed: Uint8Array,
  out: Uint8Array,
  at: number,
): number {
  if (at < 0) return -1;
  let end = at;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    if (end + 3 > out.length) return -1;
    if (allowed[c] === 1) {
      out[end++] = c;
    } else {
      out[end++] = PERCENT;
      out[end++] = DIGITS[c >> 4]!;
      out[end++] = DIGITS[c & 15]!;
    }
  }
  return end;
}

/** Copies bytes[from, to) as they are. Returns as copyEscaped does. */
export function copyPlain(
  bytes: Uint8Array,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  if (at < 0 || at + to - from > out.length) return -1;
  for (let i = from; i < to; i++) out[at + i - from] = bytes[i]!;
  return at + to - from;
}
