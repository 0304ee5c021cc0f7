// @hot
import { sameBytes } from "#base/bytes.ts";
import { FIELD, FIELD_WORDS, type Head } from "#http/head.ts";
import { EQUALS, HTAB, SEMICOLON, SP } from "#http/tokens.ts";

/** Where a search for cookies of one name stands. Made once, used for every request. */
export class CookieScan {
  /** Field of the head whose value is being read, or -1 before the first. */
  field = -1;
  /** Where reading goes on, and where that field's value ends. */
  at = 0;
  end = 0;
  /** The cookie found: bytes [valueStart, valueEnd), its name beginning at `start`. */
  start = 0;
  valueStart = 0;
  valueEnd = 0;

  reset(): void {
    this.field = -1;
    this.at = 0;
    this.end = 0;
  }
}

const blank = (c: number): boolean => c === SP || c === HTAB;

/**
 * Reads the next `name=value` of a Cookie field's value (RFC 6265 §4.2.1) from scan.at to scan.end.
 * Pairs are split at semicolons only, quotes or not, as user agents and servers do. False at the
 * end. A part without `=` is no cookie and is passed over.
 */
export function nextPair(bytes: Uint8Array, scan: CookieScan): boolean {
  while (scan.at < scan.end) {
    let start = scan.at;
    let end = start;
    let equals = -1;
    for (; end < scan.end && bytes[end] !== SEMICOLON; end++) {
      if (equals < 0 && bytes[end] === EQUALS) equals = end;
    }
    scan.at = end + 1;
    if (equals < 0) continue;
    while (start < equals && blank(bytes[start]!)) start++;
    while (end > equals + 1 && blank(bytes[end - 1]!)) end--;
    scan.start = start;
    scan.valueStart = equals + 1;
    scan.valueEnd = end;
    return true;
  }
  return false;
}

/**
 * Finds the next cookie called `name` over all Cookie fields of the head; begin with scan.reset().
 */
export function nextCookie(
  bytes: Uint8Array,
  head: Head,
  name: Uint8Array,
  scan: CookieScan,
): boolean {
  for (;;) {
    while (nextPair(bytes, scan)) {
      if (sameBytes(bytes, scan.start, scan.valueStart - 1, name)) return true;
    }
    const field = head.find(FIELD.COOKIE, scan.field + 1);
    if (field < 0) return false;
    scan.field = field;
    scan.at = head.fields[field * FIELD_WORDS + 2]!;
    scan.end = head.fields[field * FIELD_WORDS + 3]!;
  }
}
