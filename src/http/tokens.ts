// @hot
/** What a byte may be part of, as bits of CLASS[byte]. Written from RFC 9110 §5 and RFC 3986. */
export const CR = 13;
export const LF = 10;
export const SP = 32;
export const HTAB = 9;
export const QUOTE = 34;
export const PERCENT = 37;
export const ASTERISK = 42;
export const COMMA = 44;
export const DOT = 46;
export const SLASH = 47;
export const COLON = 58;
export const SEMICOLON = 59;
export const EQUALS = 61;
export const QUESTION = 63;
export const BACKSLASH = 92;

/** tchar: methods, field names, list members. */
export const TOKEN = 1;
/** Inside a field value: HTAB, SP, visible ASCII, obs-text. */
export const VALUE = 2;
/**
 * Inside a path: visible ASCII but `?`, `#`, which end it, and `"`, `<`, `>`, `\`, which browsers
 * always encode and of which some servers read `\` as `/`. `^`, `` ` ``, `{`, `|`, `}` break RFC
 * 3986 too, but clients send them, and everybody agrees on what they are.
 */
export const PATH = 4;
/** PATH but for `%`, which begins an encoded byte: what a parser may pass over. */
export const PATH_RUN = 128;
/** Inside a query: visible ASCII but `#`. Browsers leave the rest as typed. */
export const QUERY = 8;
export const HEX = 16;
/**
 * Inside a host name: RFC 3986's unreserved characters. Percent-encoding and sub-delims (a comma
 * among them) would be reg-name as well, but no name in the DNS has them and servers differ on
 * them.
 */
export const NAME = 32;
/** qdtext: inside a quoted string, but for `\` pairs. */
export const QUOTED = 64;

function mark(table: Uint8Array, bit: number, characters: string): void {
  for (let i = 0; i < characters.length; i++) table[characters.charCodeAt(i)]! |= bit;
}

function createClasses(): Uint8Array {
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  const digits = "0123456789";
  const table = new Uint8Array(256);
  for (let c = 0x21; c < 0x7f; c++) table[c] = VALUE | PATH | QUERY | QUOTED;
  for (let c = 0x80; c < 0x100; c++) table[c] = VALUE | QUOTED;
  mark(table, VALUE | QUOTED, " \t");
  mark(table, TOKEN, "!#$%&'*+-.^_`|~");
  mark(table, TOKEN | NAME, letters);
  mark(table, TOKEN | NAME | HEX, digits);
  mark(table, HEX, "abcdefABCDEF");
  mark(table, NAME, "-._~");
  table[QUOTE]! &= ~(PATH | QUOTED);
  table[BACKSLASH]! &= ~(PATH | QUOTED);
  for (let i = 0; i < 4; i++) table["#<>?".charCodeAt(i)]! &= ~PATH;
  table["#".charCodeAt(0)]! &= ~QUERY;
  for (let c = 0; c < 256; c++) if ((table[c]! & PATH) !== 0) table[c]! |= PATH_RUN;
  table[PERCENT]! &= ~PATH_RUN;
  return table;
}

export const CLASS = createClasses();

function createLower(underscore: number): Uint8Array {
  const table = new Uint8Array(256);
  for (let c = 0; c < 256; c++) table[c] = c >= 65 && c <= 90 ? c | 32 : c;
  table[95] = underscore;
  return table;
}

/** ASCII letters to lower case, every other byte itself. */
export const LOWER = createLower(95);

/** As LOWER, and `_` to `-`: what CGI and its heirs make of a field name. */
export const FOLDED = createLower(45);

/** Value of a hex digit (HEX class), whatever its case. */
export function hexValue(c: number): number {
  return c <= 57 ? c - 48 : (c | 32) - 87;
}

export function isDigit(c: number): boolean {
  return c >= 48 && c <= 57;
}

/** True when the two ranges hold the same bytes but for ASCII case. */
export function sameText(
  a: Uint8Array,
  aFrom: number,
  aTo: number,
  b: Uint8Array,
  bFrom: number,
  bTo: number,
): boolean {
  if (aTo - aFrom !== bTo - bFrom) return false;
  for (let i = aFrom, j = bFrom; i < aTo; i++, j++) {
    if (LOWER[a[i]!] !== LOWER[b[j]!]) return false;
  }
  return true;
}
