import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Fault } from "#schema/index.ts";
import { renderFaults, renderGithub, renderJson } from "./faults.ts";

const text = "one: 1\ntwo:\n\tthree: [a, b]\n";
const fault: Fault = {
  place: { file: "dir/f.yaml", line: 3, column: 9, length: 6 },
  path: "two.three",
  message: "expected a number, found a list",
  severity: "error",
};
const lineless: Fault = {
  place: { file: "weir.config.ts", line: 0, column: 0, length: 1 },
  path: "two",
  message: 'unknown keyword "two"',
  nearest: "tow",
  expected: "one of tow",
  severity: "warning",
};

describe("faults as text", () => {
  it("with the lines above and the place underlined under what it marks, tabs included", () => {
    assert.equal(
      renderFaults([fault], { textOf: () => text }),
      [
        "dir/f.yaml:3:9: error: two.three: expected a number, found a list",
        "  1 | one: 1",
        "  2 | two:",
        "  3 | \tthree: [a, b]",
        "    | \t       ^^^^^^",
        "",
      ].join("\n"),
    );
  });

  it("without the text of the file, or without lines, one line and what was meant", () => {
    assert.equal(
      renderFaults([lineless, fault]),
      [
        'weir.config.ts: warning: two: unknown keyword "two"',
        '  did you mean "tow"?',
        "",
        "dir/f.yaml:3:9: error: two.three: expected a number, found a list",
        "",
      ].join("\n"),
    );
  });

  it("says what was expected where the message does not", () => {
    const twice = { ...fault, message: "it is here twice", expected: "it once" };
    assert.match(renderFaults([twice]), /\n {2}expected it once\n$/);
    const said = { ...fault, expected: "a number" };
    assert.doesNotMatch(renderFaults([said]), /\n {2}expected/);
  });

  it("colours only when asked, and they change nothing else", () => {
    const options = { textOf: () => text };
    const plain = renderFaults([fault, lineless], options);
    const coloured = renderFaults([fault, lineless], { ...options, colours: true });
    assert.equal(stripVTControlCharacters(plain), plain);
    assert.notEqual(coloured, plain);
    assert.equal(stripVTControlCharacters(coloured), plain);
  });

  it("a place beyond the text it is given does not throw", () => {
    const place = { file: "f", line: 99, column: 400, length: 9 };
    assert.match(renderFaults([{ ...fault, place }], { textOf: () => text }), /^f:99:400: error/);
  });
});

describe("faults for machines", () => {
  it("GitHub's annotations escape what would end them", () => {
    const odd = { ...fault, message: "100%\nbad", place: { ...fault.place, file: "a,b:c" } };
    assert.equal(
      renderGithub([odd]),
      "::error file=a%2Cb%3Ac,line=3,col=9,endColumn=15::two.three: 100%25%0Abad\n",
    );
    assert.equal(
      renderGithub([lineless]),
      '::warning file=weir.config.ts::two: unknown keyword "two"\n',
    );
  });

  it("JSON is flat", () => {
    const [first] = JSON.parse(renderJson([fault])) as Record<string, unknown>[];
    assert.deepEqual(first, {
      file: "dir/f.yaml",
      line: 3,
      column: 9,
      length: 6,
      path: "two.three",
      message: "expected a number, found a list",
      severity: "error",
    });
  });
});
