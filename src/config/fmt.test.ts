import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parse, stringify } from "yaml";
import { formatConfig } from "./fmt.ts";

const long = Array.from({ length: 9 }, (_, i) => `host-${i}.example.com`).join(", ");

const rows: readonly (readonly [string, string, string])[] = [
  ["spaces and quotes", "a:   'x'\nb: {c:  1,d: [ 1,2 ]}\n", 'a: "x"\nb: { c: 1, d: [1, 2] }\n'],
  ["what quotes protect", "a: 'C:\\x'\nb: '\"'\n", "a: 'C:\\x'\nb: '\"'\n"],
  [
    "indentation",
    "a:\n    b:\n    - 1\n    - c: 2\n      d: 3\n",
    "a:\n  b:\n    - 1\n    - c: 2\n      d: 3\n",
  ],
  [
    "comments",
    "# top\n\n\n\n# of a\na: 1 # behind\n\n\nb: 2\n# end\n",
    "# top\n\n# of a\na: 1 # behind\n\nb: 2\n\n# end\n",
  ],
  [
    "numbers as written",
    "a: 007\nb: 0x1F\nc: 1.10\nd:\ne: ~\n",
    "a: 007\nb: 0x1F\nc: 1.10\nd:\ne: ~\n",
  ],
  [
    "a map too long for its line",
    `web: { bind: ":80", host: [${long}] }\n`,
    `web:\n  bind: ":80"\n  host:\n${long
      .split(", ")
      .map((h) => `    - ${h}\n`)
      .join("")}`,
  ],
  ["a map with a comment in it", "a: { b: 1, # why\n  c: 2 }\n", "a:\n  b: 1 # why\n  c: 2\n"],
  ["anchors", "x: &x {a: 1}\ny: {<<: *x}\n", "x: &x { a: 1 }\ny: { <<: *x }\n"],
  ["long text in one piece", `a: ${"word ".repeat(40)}end\n`, `a: ${"word ".repeat(40)}end\n`],
  ["text in a block", "a: |\n  one\n\n\n  two\n", "a: |\n  one\n\n\n  two\n"],
  ["line ends", "a: 1\r\nb: 2\r\n", "a: 1\nb: 2\n"],
];

describe("laying out", () => {
  for (const [what, before, after] of rows) {
    it(what, () => {
      assert.equal(formatConfig(before), after);
      assert.equal(formatConfig(after), after, "twice is once");
    });
  }

  it("never changes what is said, and twice is once", () => {
    const documents = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 });
    const style = fc.constantFrom("any" as const, "block" as const, "flow" as const);
    fc.assert(
      fc.property(documents, style, (value, collectionStyle) => {
        const before = stringify(value, { collectionStyle });
        const after = formatConfig(before);
        assert.ok(typeof after === "string", before);
        assert.deepEqual(parse(after), parse(before));
        assert.equal(formatConfig(after), after);
      }),
      { numRuns: 300 },
    );
  });

  it("text that is not YAML gives its faults", () => {
    const faults = formatConfig("a: [1");
    assert.ok(Array.isArray(faults));
    assert.match(faults[0]!.message, /not closed/);
  });
});
