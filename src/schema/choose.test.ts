import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { choose, chosenByDefault } from "./choose.ts";
import { int, text } from "./scalars.ts";
import { Report, type Scalar, type Tree } from "./tree.ts";

const place = { file: "t", line: 1, column: 1, length: 1 };
const scalarOf = (value: Scalar["value"]): Tree => ({ kind: "scalar", place, value });
const dictOf = (values: Record<string, Scalar["value"]>): Tree => ({
  kind: "dict",
  place,
  entries: Object.entries(values).map(([key, value]) => ({
    key,
    keyPlace: place,
    value: scalarOf(value),
  })),
});

const animals = [
  { name: "cat", summary: "meows", options: { lives: int({ help: "h", fallback: 9 }) } },
  { name: "dog", summary: "barks", options: { master: text({ help: "h", required: true }) } },
];
const field = choose(animals, {
  help: "h",
  key: "type",
  what: "animal",
  beside: { age: int({ help: "h", fallback: 1 }) },
});

function read(tree: Tree): unknown {
  const report = new Report();
  return field.read(tree, "pet", report) ?? report.faults.map((f) => `${f.path}: ${f.message}`);
}

describe("choosing a member of a registry", () => {
  it("by its bare name", () => {
    assert.deepEqual(read(scalarOf("cat")), {
      name: "cat",
      options: { lives: 9 },
      beside: { age: 1 },
    });
  });

  it("with options of its own and those beside", () => {
    assert.deepEqual(read(dictOf({ type: "dog", master: "Ada", age: 3 })), {
      name: "dog",
      options: { master: "Ada" },
      beside: { age: 3 },
    });
  });

  it("faults: unknown, unnamed, without what it needs, with what another takes", () => {
    assert.deepEqual(read(scalarOf("cta")), ['pet: unknown animal "cta"']);
    assert.deepEqual(read(dictOf({ age: 2 })), [
      'pet.type: "type" is missing: an animal: one of cat, dog',
    ]);
    assert.deepEqual(read(scalarOf("dog")), ['pet.master: "master" is missing: text']);
    assert.deepEqual(read(dictOf({ type: "cat", master: "Ada" })), [
      'pet.master: unknown keyword "master"',
    ]);
    assert.deepEqual(read(scalarOf(3)), ["pet: expected an animal: one of cat, dog, found 3"]);
  });

  it("formats as it would be written", () => {
    const cat = (lives: number, age: number) => ({
      name: "cat",
      options: { lives },
      beside: { age },
    });
    assert.equal(field.format(cat(9, 1)), "cat");
    assert.equal(field.format(cat(7, 2)), "{ type: cat, age: 2, lives: 7 }");
  });

  it("refuses a declaration whose words clash", () => {
    const options = { help: "h", key: "lives", what: "animal" };
    assert.throws(() => choose(animals, options), /cat has an option "lives"/);
    assert.throws(() => chosenByDefault(animals, "cow"), /no member "cow"/);
  });
});
