import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { list, named } from "./collections.ts";
import { type Field, optional, orOff } from "./field.ts";
import { fallbacks, fieldsSchema, group, inheritFields, readFields, section } from "./maps.ts";
import { refine } from "./refine.ts";
import { bool, int, text } from "./scalars.ts";
import { type Dict, Report, type Tree } from "./tree.ts";
import { duration } from "./units.ts";

const place = { file: "t", line: 1, column: 1, length: 1 };

/** A tree of plain data. */
function tree(value: unknown): Tree {
  if (Array.isArray(value)) return { kind: "list", place, items: value.map(tree) };
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).map(([key, v]) => ({
      key,
      keyPlace: place,
      value: tree(v),
    }));
    return { kind: "dict", place, entries };
  }
  return { kind: "scalar", place, value: value as string };
}

function read<T>(field: Field<T>, value: unknown): { value: T | undefined; faults: string[] } {
  const report = new Report();
  const got = field.read(tree(value), "top", report);
  return { value: got, faults: report.faults.map((f) => `${f.path}: ${f.message}`) };
}

const fields = {
  size: int({ help: "h", fallback: 3 }),
  name: text({ help: "h", required: true }),
  wait: optional(duration({ help: "h" })),
};

describe("maps of keywords", () => {
  it("reads what is written and falls back for the rest", () => {
    const { value, faults } = read(group(fields, { help: "h" }), { name: "a" });
    assert.deepEqual(value, { name: "a", size: 3, wait: undefined });
    assert.deepEqual(faults, []);
  });

  it("collects every fault, and reads to nothing then", () => {
    const { value, faults } = read(group(fields, { help: "h" }), { siez: 1, size: "x", wait: 1 });
    assert.equal(value, undefined);
    assert.deepEqual(faults, [
      'top.siez: unknown keyword "siez"',
      'top.size: expected a whole number of at least 0, found "x"',
      "top.wait: expected a duration with a unit: 1ms or 1s, found 1",
      'top.name: "name" is missing: text',
    ]);
  });

  it("tells of a required keyword that is misspelt once", () => {
    assert.deepEqual(read(group(fields, { help: "h" }), { nmae: "a" }).faults, [
      'top.nmae: unknown keyword "nmae"',
    ]);
  });

  it("has no keyword that an object has by nature", () => {
    const { faults } = read(group(fields, { help: "h" }), { name: "a", constructor: 1 });
    assert.deepEqual(faults, ['top.constructor: unknown keyword "constructor"']);
  });

  it("takes a bare value for its short keyword, and formats it so", () => {
    const field = group(fields, { help: "h", short: "name" });
    assert.deepEqual(read(field, "a").value, { name: "a", size: 3, wait: undefined });
    assert.equal(field.format({ name: "a", size: 3, wait: undefined }), "a");
    assert.equal(field.format({ name: "a", size: 4, wait: undefined }), "{ size: 4, name: a }");
  });

  it("a section is there unwritten, and bare", () => {
    const inner = section({ size: fields.size }, { help: "h" });
    assert.deepEqual(inner.fallback, { size: 3 });
    assert.deepEqual(read(group({ inner }, { help: "h" }), { inner: null }).value, {
      inner: { size: 3 },
    });
  });

  it("inherits keyword by keyword in sections, as a whole elsewhere", () => {
    const declared = {
      inner: section({ a: int({ help: "h", fallback: 1 }), b: fields.size }, { help: "h" }),
      own: optional(group({ a: int({ help: "h", fallback: 1 }) }, { help: "h" })),
    };
    const heirs = inheritFields(declared, { inner: { a: 7 }, own: { a: 8 } });
    assert.deepEqual(fallbacks(heirs), { inner: { a: 7, b: 3 }, own: { a: 8 } });
    const written = tree({ inner: { b: 4 }, own: {} });
    assert.deepEqual(readFields(heirs, written, "", new Report()), {
      inner: { a: 7, b: 4 },
      own: { a: 1 },
    });
  });

  it("declares itself as JSON Schema", () => {
    assert.deepEqual(fieldsSchema({ on: bool({ help: "Switch", fallback: true }) }), {
      type: "object",
      additionalProperties: false,
      properties: { on: { type: "boolean", description: "Switch", default: true } },
    });
    assert.deepEqual(fieldsSchema(fields)["required"], ["name"]);
  });
});

describe("lists and maps of names", () => {
  it("a list keeps faults apart by index; one bare element may do", () => {
    const field = list(int({ help: "h", max: 5 }), { help: "h", single: true });
    assert.deepEqual(read(field, [1, 2]).value, [1, 2]);
    assert.deepEqual(read(field, 3).value, [3]);
    assert.deepEqual(read(field, [1, 9, "x"]).faults, [
      "top[1]: expected a whole number from 0 to 5, found 9",
      'top[2]: expected a whole number from 0 to 5, found "x"',
    ]);
    assert.equal(field.format([1]), "1");
    assert.equal(field.format([1, 2]), "[1, 2]");
  });

  it("a list has bounds", () => {
    const field = list(int({ help: "h" }), { help: "h", min: 1, max: 2 });
    assert.deepEqual(read(field, []).faults, ["top: expected a list of at least 1, found 0"]);
    assert.deepEqual(read(field, [1, 2, 3]).faults, ["top: expected a list of at most 2, found 3"]);
    assert.deepEqual(read(field, 1).faults, ["top: expected a list of at least 1, found 1"]);
  });

  it("names are bounded; what can be read is kept beside the faults", () => {
    const field = named(int({ help: "h" }), { help: "h", what: "things" });
    const { value, faults } = read(field, { good: 1, "-bad": 2, worse: "x" });
    assert.deepEqual(value, new Map([["good", 1]]));
    assert.equal(faults.length, 2);
  });
});

describe("fields made of fields", () => {
  it("refine adds a condition with an expectation of its own", () => {
    const even = refine(int({ help: "h" }), (n) => (n % 2 ? "an even number" : undefined));
    assert.equal(read(even, 4).value, 4);
    assert.deepEqual(read(even, 3).faults, ["top: expected an even number, found 3"]);
    assert.equal(read(even, "x").faults.length, 1);
  });

  it("orOff knows one word more", () => {
    const field = orOff(int({ help: "h" }));
    assert.equal(read(field, "off").value, null);
    assert.equal(read(field, false).value, null);
    assert.equal(read(field, 3).value, 3);
    assert.equal(field.format(null), "off");
  });

  it("a report keeps the first faults and counts the others", () => {
    const report = new Report();
    const dict = tree({}) as Dict;
    for (let i = 0; i < 500; i++) report.warning(dict, "", "hm");
    assert.equal(report.hasErrors, false);
    for (let i = 0; i < 500; i++) report.error(dict, "", "again");
    assert.equal(report.errors, 500);
    assert.equal(report.faults.length, 400, "200 of each");
  });
});
