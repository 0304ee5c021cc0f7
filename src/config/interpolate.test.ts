// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are what is tested
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Report, type Scalar } from "#schema/index.ts";
import { interpolate, type Surroundings } from "./interpolate.ts";
import { mask } from "./mask.ts";

const from: Surroundings = {
  env: { A: "1", EMPTY: "", B: "${A}", DB_PASSWORD: "hunter22", CREDENTIALS_DIRECTORY: "/cred" },
  readFile: (path) => {
    if (path === "/secret") return "from file\n";
    if (path === "/cred/key") return "from cred\r\n";
    throw new Error("there is no such file");
  },
};

function fill(text: string): { scalar: Scalar; faults: string[]; secrets: string[] } {
  const report = new Report();
  const secrets = new Set<string>();
  const place = { file: "f", line: 1, column: 5, length: text.length };
  const tree = interpolate({ kind: "scalar", place, value: text }, from, secrets, report);
  assert.ok(tree.kind === "scalar");
  const faults = report.faults.map((f) => `${f.place.column}+${f.place.length} ${f.message}`);
  return { scalar: tree, faults, secrets: [...secrets] };
}

describe("interpolation", () => {
  const rows: readonly (readonly [string, Scalar["value"]])[] = [
    ["plain", "plain"],
    ["a ${A} b ${A}", "a 1 b 1"],
    ["${A}", 1],
    ["${A}${A}", "11"],
    ["${EMPTY}", null],
    ["${EMPTY:-x}", "x"],
    ["${NONE:-}", null],
    ["${NONE:-true}", true],
    ["${NONE:-${A}}", 1],
    ["${NONE:-a ${NONE:-b ${A}} c}", "a b 1 c"],
    ["${NONE:-{}}", "{}"],
    ["${B}", "${A}"],
    ["$${A}", "${A}"],
    ["$$${A}", "$${A}"],
    ["$A $ {A}", "$A $ {A}"],
    ["${file:/secret}", "from file"],
    ["${cred:key}", "from cred"],
  ];
  for (const [text, value] of rows) {
    it(`${text} is ${JSON.stringify(value)}`, () => {
      const { scalar, faults } = fill(text);
      assert.deepEqual(faults, []);
      assert.equal(scalar.value, value);
    });
  }

  const bad: readonly (readonly [string, string])[] = [
    ["${NONE}", "5+7 ${NONE} is not set, and there is no default"],
    ["at ${NONE:?give one}", "8+17 ${NONE} is not set: give one"],
    ["${EMPTY:?}", "5+10 ${EMPTY} is not set, and there is no default"],
    ["${A", '5+2 "${" is not closed'],
    ["${}", "5+3 ${} is not understood"],
    ["${A-x}", "5+6 ${A-x} is not understood"],
    ["${file:secret}", "5+14 ${file:secret}: not an absolute path"],
    ["${file:/none}", "5+13 cannot read /none: there is no such file"],
    ["${cred:../key}", "5+14 a credential's name has no slash"],
  ];
  for (const [text, fault] of bad) {
    it(`${text} is a fault`, () => {
      const { scalar, faults } = fill(text);
      assert.deepEqual(faults, [fault]);
      assert.equal(scalar.broken, true);
    });
  }

  it("defaults do not nest for ever", () => {
    const text = `${"${N:-".repeat(50)}x${"}".repeat(50)}`;
    assert.match(fill(text).faults[0]!, /nested too deep/);
  });

  it("files, credentials and what is named like a secret are remembered, and masked", () => {
    assert.deepEqual(fill("${file:/secret} ${A}").secrets, ["from file"]);
    const { secrets } = fill("x ${DB_PASSWORD}");
    assert.equal(mask("user:hunter22@db hunter22", secrets), "user:***@db ***");
  });

  it("text without ${ stays as it is; no text throws", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const { scalar } = fill(text);
        if (!text.includes("${")) assert.equal(scalar.value, text);
      }),
    );
    const piece = fc.constantFrom("${", "}", "$", "{", ":-", ":?", "A", "file:", "cred:", "/", " ");
    fc.assert(fc.property(fc.array(piece), (pieces) => void fill(pieces.join(""))));
  });
});
