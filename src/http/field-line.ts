// @hot
import { fieldIdOrAlias } from "./field-name.ts";
import { FIELD, FIELD_NAMES, FIELD_WORDS, type Head } from "./head.ts";
import { CLASS, COLON, CR, HTAB, LF, SP, TOKEN, VALUE } from "./tokens.ts";

/**
 * Fields about this connection alone (RFC 9110 §7.6.1, RFC 7540 §3.2.1 for HTTP2-Settings): never
 * forwarded, whether Connection names them or not. Proxy-Authorization is for us; a proxy that
 * wanted to pass it on would have to be told so.
 */
function createHopTable(): Uint8Array {
  const table = new Uint8Array(FIELD_NAMES.length);
  table[FIELD.CONNECTION] = 1;
  table[FIELD.KEEP_ALIVE] = 1;
  table[FIELD.PROXY_CONNECTION] = 1;
  table[FIELD.PROXY_AUTHENTICATE] = 1;
  table[FIELD.PROXY_AUTHORIZATION] = 1;
  table[FIELD.TE] = 1;
  table[FIELD.TRANSFER_ENCODING] = 1;
  table[FIELD.UPGRADE] = 1;
  table[FIELD.HTTP2_SETTINGS] = 1;
  return table;
}

/** 1 by FIELD id where the field never outlives its connection. */
export const HOP_BY_NATURE = createHopTable();

/**
 * Reads the field line at `from` into field number head.count, which the caller then counts.
 * Returns the position after its CRLF, 0 when the line is not whole, -1 when it is wrong: no name,
 * white space before the colon or at the line's start (obs-fold), a control byte in the value, CR
 * or LF alone.
 */
export function parseFieldLine(bytes: Uint8Array, from: number, stop: number, head: Head): number {
  let at = from;
  while (at < stop && (CLASS[bytes[at]!]! & TOKEN) !== 0) at++;
  if (at === stop) return 0;
  if (at === from || bytes[at] !== COLON) return -1;
  const nameEnd = at;
  at++;
  while (at < stop && (bytes[at] === SP || bytes[at] === HTAB)) at++;
  const valueStart = at;
  while (at < stop && (CLASS[bytes[at]!]! & VALUE) !== 0) at++;
  if (at === stop) return 0;
  if (bytes[at] !== CR) return -1;
  if (at + 1 === stop) return 0;
  if (bytes[at + 1] !== LF) return -1;
  let valueEnd = at;
  while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) {
    valueEnd--;
  }
  const index = head.count;
  const cell = index * FIELD_WORDS;
  head.fields[cell] = from;
  head.fields[cell + 1] = nameEnd;
  head.fields[cell + 2] = valueStart;
  head.fields[cell + 3] = valueEnd;
  const id = fieldIdOrAlias(bytes, from, nameEnd);
  // `X_Forwarded_For` becomes `X-Forwarded-For` for servers that speak CGI or its heirs, behind the
  // back of whoever checked the latter (RFC 9110 §17.10): the alias of a known name is not
  // forwarded.
  head.ids[index] = id > 0 ? id : FIELD.OTHER;
  head.hop[index] = id > 0 ? HOP_BY_NATURE[id]! : id < 0 ? 1 : 0;
  return at + 2;
}
