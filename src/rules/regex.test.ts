import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRegex } from "./regex.ts";

const LINEAR = [
  "",
  "^/v[0-9]+/",
  "\\.(?:php|cgi)$",
  "^/(?<area>[^/]+)/",
  "(a|b)*c{2,3}?",
  "[\\w.\\-]+\\/\\u0061\\x62",
  "(a+)+$",
];
const OTHERS = [
  "(a)\\1",
  "(?<x>a)\\k<x>",
  "(?=a)a",
  "a(?!b)",
  "(?<=a)b",
  "(?<!a)b",
  "\\p{L}",
  "\\u{61}",
  "é",
  "(?i:a)",
];

test("the u flag stays where the expression needs it", () => {
  for (const source of LINEAR) assert.equal(createRegex(source).flags, "", source);
  for (const source of OTHERS) assert.equal(createRegex(source).flags, "u", source);
});

test("every expression means what it means with the u flag", () => {
  const piece = fc.constantFrom("/", "v1", "a", "b", "c", ".php", "-", "é", "\n", "A", "aa");
  const sources = fc.constantFrom(...LINEAR, ...OTHERS);
  fc.assert(
    fc.property(sources, fc.array(piece, { maxLength: 8 }), (source, pieces) => {
      const subject = pieces.join("");
      assert.deepEqual(createRegex(source).exec(subject), new RegExp(source, "u").exec(subject));
    }),
    { numRuns: 500 },
  );
});
