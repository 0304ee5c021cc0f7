// @hot
import { sameBytes, utf8 } from "#base/bytes.ts";
import { createRegex } from "./regex.ts";
import type { RequestView } from "./types.ts";
import { SUBJECT_LIMIT } from "./view.ts";

/**
 * What a header field, query parameter or cookie of one name must be. At most one of the three is
 * set.
 */
export interface NamedTest {
  readonly name: string;
  /** Any one of these, case-sensitive. */
  readonly value: readonly string[] | undefined;
  readonly regex: string | undefined;
  /**
   * True (also when nothing else is said): it is there, whatever its value; false: it is not there.
   */
  readonly present: boolean | undefined;
}

/** How a text is compared and read: as it stands, or percent-decoded. */
export interface Encoding {
  same(bytes: Uint8Array, from: number, to: number, other: Uint8Array): boolean;
  text(bytes: Uint8Array, from: number, to: number): string;
  /** Status that refuses a text too long for a regular expression. */
  readonly tooLong: number;
}

export type TextTest = (view: RequestView, from: number, to: number) => boolean;

/** Tests bytes[from, to) of the request. With a regular expression it allocates a string a call. */
export function createTextTest(test: NamedTest, encoding: Encoding): TextTest {
  if (test.regex !== undefined) {
    const regex = createRegex(test.regex);
    return (view, from, to) => {
      if (to - from <= SUBJECT_LIMIT) return regex.test(encoding.text(view.bytes, from, to));
      view.refuse = encoding.tooLong;
      return false;
    };
  }
  if (test.value === undefined) return () => true;
  const values = test.value.map(utf8);
  return (view, from, to) => {
    for (let i = 0; i < values.length; i++) {
      if (encoding.same(view.bytes, from, to, values[i]!)) return true;
    }
    return false;
  };
}

/** Header values and cookies: bytes as they stand. */
export const PLAIN: Encoding = Object.freeze({ same: sameBytes, text: utf8Text, tooLong: 431 });

const decoder = new TextDecoder();

function utf8Text(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to));
}
