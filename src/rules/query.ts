// @hot
import { CLASS, HEX, hexValue, PERCENT } from "#http/tokens.ts";
import type { Encoding } from "./text-test.ts";

const PLUS = 43;
const SPACE = 32;

/** The byte that `%XX` at `i` stands for, or -1 where it is not a whole escape before `to`. */
function escaped(bytes: Uint8Array, i: number, to: number): number {
  if (i + 2 >= to) return -1;
  const high = bytes[i + 1]!;
  const low = bytes[i + 2]!;
  if ((CLASS[high]! & CLASS[low]! & HEX) === 0) return -1;
  return hexValue(high) * 16 + hexValue(low);
}

/**
 * True when bytes[from, to), decoded as a form's query is (`%XX`, and `+` for a space; a broken
 * escape stands for itself), equals `other`.
 */
export function sameDecoded(
  bytes: Uint8Array,
  from: number,
  to: number,
  other: Uint8Array,
): boolean {
  let at = 0;
  for (let i = from; i < to; i++, at++) {
    let c = bytes[i]!;
    if (c === PLUS) c = SPACE;
    else if (c === PERCENT) {
      const byte = escaped(bytes, i, to);
      if (byte >= 0) {
        c = byte;
        i += 2;
      }
    }
    if (other[at] !== c) return false;
  }
  return at === other.length;
}

const decoder = new TextDecoder();

/** Text of bytes[from, to) decoded as sameDecoded does. Allocates. */
export function createDecodedText(bytes: Uint8Array, from: number, to: number): string {
  const out = new Uint8Array(to - from);
  let at = 0;
  for (let i = from; i < to; i++) {
    const c = bytes[i]!;
    const byte = c === PERCENT ? escaped(bytes, i, to) : -1;
    out[at++] = byte >= 0 ? byte : c === PLUS ? SPACE : c;
    if (byte >= 0) i += 2;
  }
  return decoder.decode(out.subarray(0, at));
}

/** Query parameters: decoded before they are compared. */
export const DECODED: Encoding = Object.freeze({
  same: sameDecoded,
  text: createDecodedText,
  tooLong: 414,
});
