// @hot
import { sameBytes } from "#base/bytes.ts";
import { hashBytes } from "#base/hash.ts";

/** The key of a request that has nothing to hash; every other key is in [0, 2³¹). */
export const NO_KEY = -1;

const SLASH = 47;
const AMPERSAND = 38;
const EQUALS = 61;

/** Key of a value at bytes[from, to), such as a header field's; an empty value is none. */
export function valueKey(bytes: Uint8Array, from: number, to: number): number {
  return from >= to ? NO_KEY : hashBytes(bytes, from, to) >>> 1;
}

/** Key of the client's address: 16 bytes at `at`, IPv4 mapped. The port does not count. */
export function sourceKey(address: Uint8Array, at: number): number {
  return hashBytes(address, at, at + 16) >>> 1;
}

/**
 * Key of a path at bytes[from, to), of which `length` bytes and `depth` directory levels count (0 =
 * all; whichever ends first). For a KeySpec with `whole`, `to` is the end of the query.
 */
export function uriKey(
  bytes: Uint8Array,
  from: number,
  to: number,
  depth: number,
  length: number,
): number {
  let end = length > 0 && from + length < to ? from + length : to;
  if (depth > 0) {
    let slashes = 0;
    for (let i = from; i < end; i++) {
      if (bytes[i] === SLASH && slashes++ === depth) {
        end = i;
        break;
      }
    }
  }
  return valueKey(bytes, from, end);
}

/**
 * Key of the first parameter called `name` in a query at bytes[from, to), its value as written
 * (percent-encoding and all). No such parameter, or no value: no key.
 */
export function queryKey(bytes: Uint8Array, from: number, to: number, name: Uint8Array): number {
  let start = from;
  while (start < to) {
    let end = start;
    let equals = -1;
    for (; end < to && bytes[end] !== AMPERSAND; end++) {
      if (equals < 0 && bytes[end] === EQUALS) equals = end;
    }
    if (equals >= 0 && sameBytes(bytes, start, equals, name)) {
      return valueKey(bytes, equals + 1, end);
    }
    start = end + 1;
  }
  return NO_KEY;
}
