import { latin1 } from "#base/bytes.ts";
import { normalisePath } from "#http/path.ts";
import { type Field, pattern, refine, text } from "#schema/index.ts";

const expected = "a path beginning with /, without query, spaces or control characters";

/**
 * Normalised as a request's path is, so that both are compared in one form; undefined when it
 * cannot be.
 */
function normalise(path: string): Uint8Array | undefined {
  if (!/^\/[^\s?#\x00-\x1f\x7f]*$/.test(path)) return undefined;
  const written = latin1(path.replace(/[^\x21-\x7e]+/gu, encodeURIComponent));
  const out = new Uint8Array(written.length);
  const end = normalisePath(written, 0, written.length, out, 0);
  return end < 0 ? undefined : out.subarray(0, end);
}

/** A path as rules compare it. The Field has checked that it can be made. */
export const pathBytes = (path: string): Uint8Array => normalise(path) ?? new Uint8Array(0);

/**
 * As pathBytes, without a final slash: what a segment-wise prefix is compared with; empty for `/`.
 */
export function prefixBytes(path: string): Uint8Array {
  const bytes = pathBytes(path);
  return bytes.at(-1) === 0x2f ? bytes.subarray(0, -1) : bytes;
}

export const pathField = refine(
  text({ help: "a path", maxLength: 2048 }),
  (value) => (normalise(value) ? undefined : expected),
  expected,
);

const expectedPattern =
  "a regular expression in ASCII: in paths all else stands as %XX, upper case";

/** A regular expression for normalised paths. */
export const pathPattern = (help: string): Field<string, string> =>
  refine(pattern({ help }), (value) => (/^[ -~]*$/.test(value) ? undefined : expectedPattern));
