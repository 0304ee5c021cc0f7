import fc from "fast-check";
import { FRAGMENTS } from "./samples.ts";

/** A change at a place given as a fraction of the text, so that it stays one while shrinking. */
interface Edit {
  readonly kind: "insert" | "delete" | "replace" | "double" | "byte";
  readonly place: number;
  readonly fragment: string;
  readonly byte: number;
}

const edit: fc.Arbitrary<Edit> = fc.record({
  kind: fc.constantFrom("insert", "delete", "replace", "double", "byte"),
  place: fc.nat(9999).map((n) => n / 10_000),
  fragment: fc.constantFrom(...FRAGMENTS),
  byte: fc.nat(255),
});

/** Where the line with this position begins, and where its CRLF has ended. */
function lineAround(text: string, at: number): [number, number] {
  const from = text.lastIndexOf("\n", Math.max(0, at - 1)) + 1;
  const to = text.indexOf("\n", at);
  return [Math.min(from, at), to < 0 ? text.length : to + 1];
}

function apply(text: string, { kind, place, fragment, byte }: Edit): string {
  const at = Math.floor(place * (text.length + 1));
  const [from, to] = lineAround(text, at);
  switch (kind) {
    case "insert": {
      // Whole lines go where lines begin, so that more of them reach the head's meaning.
      const where = fragment.endsWith("\r\n") && fragment.length > 4 ? to : at;
      return text.slice(0, where) + fragment + text.slice(where);
    }
    case "delete":
      return text.slice(0, at) + text.slice(at + 1 + (byte & 3));
    case "replace":
      return text.slice(0, at) + fragment + text.slice(at + fragment.length);
    case "double":
      return text.slice(0, to) + text.slice(from, to) + text.slice(to);
    case "byte":
      return text.slice(0, at) + String.fromCharCode(byte) + text.slice(at + 1);
  }
}

/** One of the samples, changed up to four times. */
export const mutated = (samples: readonly string[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...samples), fc.array(edit, { maxLength: 4 }))
    .map(([text, edits]) => edits.reduce(apply, text));
