import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { address, ip, network } from "./addresses.ts";
import type { Field } from "./field.ts";
import { bool, int, oneOf, pattern, text } from "./scalars.ts";
import { Report, type Scalar, type Tree } from "./tree.ts";
import { duration, percent, size } from "./units.ts";

const place = { file: "t", line: 1, column: 1, length: 1 };
const scalarOf = (value: Scalar["value"], written?: string): Scalar => ({
  kind: "scalar",
  place,
  value,
  ...(written === undefined ? {} : { text: written }),
});

/** What a field reads, or the "expected" of its fault. */
function read<T>(field: Field<T>, tree: Tree): T | string {
  const report = new Report();
  const value = field.read(tree, "key", report);
  if (value !== undefined) {
    assert.equal(report.faults.length, 0);
    return value;
  }
  assert.equal(report.faults.length, 1, "one mistake, one fault");
  return `expected ${report.faults[0]!.expected}`;
}

const help = "h";

/** Rows: a field, what is written, what it reads to (or the beginning of the fault). */
const rows: readonly (readonly [string, Field<unknown>, Scalar["value"], unknown])[] = [
  ["int", int({ help, min: 1, max: 9 }), 9, 9],
  ["int below", int({ help, min: 1, max: 9 }), 0, "expected a whole number from 1 to 9"],
  ["int of text", int({ help }), "3", "expected a whole number of at least 0"],
  ["int of a fraction", int({ help }), 1.5, "expected a whole number of at least 0"],
  ["int too large to be exact", int({ help }), 2 ** 53, "expected a whole number of at least 0"],
  ["int that is one number", int({ help, min: 1, max: 1 }), 2, "expected 1"],
  ["bool", bool({ help }), true, true],
  ["bool in an old word", bool({ help }), "yes", "expected true (YAML 1.2 has no other word"],
  ["bool in another", bool({ help }), "Off", "expected false (YAML 1.2 has no other word"],
  ["text", text({ help }), "a b", "a b"],
  ["text too long", text({ help, maxLength: 3 }), "abcd", "expected at most 3 characters"],
  ["text of a pattern", text({ help, pattern: /^a/, expected: "an a" }), "b", "expected an a"],
  ["one of", oneOf(["a", "b"], { help }), "b", "b"],
  ["one of, otherwise", oneOf(["a", "b"], { help }), "c", "expected one of a, b"],
  ["one of, digits", oneOf(["502"], { help }), 502, "502"],
  ["pattern", pattern({ help }), "^a+$", "^a+$"],
  ["pattern, broken", pattern({ help }), "(", "expected a regular expression ("],
  ["duration", duration({ help }), "1m30s", 90_000],
  ["duration of a fraction", duration({ help }), "1.5s", 1500],
  ["duration, bare", duration({ help }), 5, "expected a duration with a unit: 5ms or 5s"],
  ["duration, bare nought", duration({ help }), 0, "expected a duration with a unit, such as"],
  ["duration, too long", duration({ help, max: 1000 }), "2s", "expected a duration with a unit"],
  ["size", size({ help }), "16k", 16_384],
  ["size, bare", size({ help }), 10, 10],
  ["size, another unit", size({ help }), "1kb", "expected a size such as 16k"],
  ["percent", percent({ help }), "25%", 0.25],
  ["percent, bare", percent({ help }), 0.25, "expected a percentage from 0% to 100%"],
  ["IP", ip({ help }), "fd00:0:0::1", "fd00::1"],
  ["IP with a port", ip({ help }), "10.0.0.1:80", "expected an IP address such as 10.0.0.1"],
  ["address", address({ help }), "[::1]:80", { kind: "inet", host: "::1", port: 80 }],
  ["address without a port", address({ help }), "10.0.0.1", "expected a port, as in 10.0.0.1:80"],
  ["address of a wrong kind", address({ help, kinds: ["inet"] }), "fd@3", "expected an address"],
  ["network", network({ help }), "10.0.0.1/8", "expected a network whose host bits are zero"],
  ["nothing", text({ help }), null, "expected text"],
];

describe("scalar fields", () => {
  for (const [name, field, value, wanted] of rows) {
    it(`${name}: ${JSON.stringify(value)}`, () => {
      const got = read(field, scalarOf(value));
      if (typeof wanted === "string" && wanted.startsWith("expected")) {
        assert.ok(String(got).startsWith(wanted), String(got));
      } else assert.deepEqual(got, wanted);
    });
  }

  it("text is taken as it was written, not as YAML typed it", () => {
    assert.equal(read(text({ help }), scalarOf(7, "007")), "007");
    assert.equal(read(text({ help }), scalarOf(1.1, "1.10")), "1.10");
    assert.equal(read(text({ help }), scalarOf(true)), "true");
  });

  it("a near miss is named", () => {
    const report = new Report();
    oneOf(["strict", "lax", "none"], { help }).read(scalarOf("stritc"), "key", report);
    assert.equal(report.faults[0]?.nearest, "strict");
  });

  it("a map is no scalar", () => {
    const tree: Tree = { kind: "dict", place, entries: [] };
    for (const [, field] of rows) assert.match(String(read(field, tree)), /^expected /);
  });

  it("a value that is broken already gives no further fault", () => {
    const report = new Report();
    int({ help }).read({ ...scalarOf(""), broken: true }, "key", report);
    assert.deepEqual(report.faults, []);
  });
});
