// @hot
import { parseFieldLine } from "./field-line.ts";
import { FIELD, Head } from "./head.ts";
import { NameTable } from "./name-table.ts";
import { CR, LF } from "./tokens.ts";

/** A trailer section with its empty line; more is refused. */
export const MAX_TRAILER_BYTES = 4096;
const MAX_TRAILERS = 64;

/**
 * Names that must not come after the content although head.ts gives them no id: RFC 9110 §6.5.1
 * keeps framing, routing, conditions, authentication and content handling out of trailers. Known
 * ids are all kept out.
 */
const FORBIDDEN: readonly string[] = [
  "",
  "age",
  "content-location",
  "content-range",
  "expires",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-range",
  "if-unmodified-since",
  "max-forwards",
  "pragma",
  "range",
  "retry-after",
  "vary",
  "warning",
  "www-authenticate",
];

const forbidden = new NameTable(FORBIDDEN);

/** A head of one field: parseFieldLine's result, good until its next call. */
const line = new Head(1);

/**
 * The position after the trailer section that begins at `from` (its empty line included), 0 when it
 * is not whole within `end`, -1 when it is malformed or has more lines than we take.
 */
export function trailersEnd(bytes: Uint8Array, from: number, end: number): number {
  const limit = from + MAX_TRAILER_BYTES;
  const stop = Math.min(limit, end);
  let at = from;
  for (let n = 0; ; n++) {
    if (at === stop) return 0;
    if (bytes[at] === CR) {
      if (at + 1 === stop) return 0;
      return bytes[at + 1] === LF ? at + 2 : -1;
    }
    if (n === MAX_TRAILERS) return -1;
    at = parseFieldLine(bytes, at, stop, line);
    if (at <= 0) return at;
  }
}

/**
 * Moves the lines that may be forwarded from the whole section [from, end) down to `to` and returns
 * where they end.
 */
export function moveTrailers(bytes: Uint8Array, from: number, end: number, to: number): number {
  let at = from;
  let write = to;
  while (at < end - 2) {
    const next = parseFieldLine(bytes, at, end, line);
    if (mayFollow(bytes, at, line.fields[1]!)) {
      bytes.copyWithin(write, at, next);
      write += next - at;
    }
    at = next;
  }
  return write;
}

function mayFollow(bytes: Uint8Array, from: number, to: number): boolean {
  if (line.ids[0] !== FIELD.OTHER || line.hop[0] === 1) return false;
  return forbidden.find(bytes, from, to) === 0;
}
