import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Report, type Tree } from "#schema/index.ts";
import { treeOfYaml } from "./yaml.ts";

function read(text: string): { tree: Tree | undefined; faults: string[] } {
  const report = new Report();
  const tree = treeOfYaml("f", text, report);
  const faults = report.faults.map(
    ({ place, path, message }) => `${place.line}:${place.column} ${path} ${message}`,
  );
  return { tree, faults };
}

/** A tree as data, each value with `line:column+length`. */
function placed(tree: Tree): unknown {
  const { line, column, length } = tree.place;
  const at = `${line}:${column}+${length}`;
  if (tree.kind === "scalar") return [at, tree.value, ...(tree.text ? [tree.text] : [])];
  if (tree.kind === "list") return [at, ...tree.items.map(placed)];
  return { at, ...Object.fromEntries(tree.entries.map((e) => [e.key, placed(e.value)])) };
}

describe("YAML", () => {
  it("values know where they stand; maps and lists in blocks stand at their key", () => {
    const { tree } = read("a: 1\nb:\n  c: [x, 'y z']\n  d:\n    - on\n    - 007\n");
    assert.deepEqual(placed(tree!), {
      at: "1:1+1",
      a: ["1:4+1", 1],
      b: {
        at: "2:1+1",
        c: ["3:6+10", ["3:7+1", "x"], ["3:10+5", "y z"]],
        d: ["4:3+1", ["5:7+2", "on"], ["6:7+3", 7, "007"]],
      },
    });
  });

  it("a keyword without a value stands at its key", () => {
    assert.deepEqual(placed(read("a:\nb: 1").tree!), {
      at: "1:1+1",
      a: ["1:1+1", null],
      b: ["2:4+1", 1],
    });
  });

  it("keys are text as it was written", () => {
    const { tree } = read("503: a\n007: b\ntrue: c\n'q': d");
    assert.ok(tree?.kind === "dict");
    assert.deepEqual(
      tree.entries.map((e) => e.key),
      ["503", "007", "true", "q"],
    );
  });

  it("keys of merged maps come behind, and those written win", () => {
    const { tree } = read("x: &x { a: 1, b: 2 }\ny: &y { c: 3 }\nz: { <<: [*x, *y], b: 9 }");
    assert.ok(tree?.kind === "dict");
    const z = tree.entries[2]!.value;
    assert.ok(z.kind === "dict");
    assert.deepEqual(
      z.entries.map((e) => [e.key, e.value.kind === "scalar" && e.value.value]),
      [
        ["b", 9],
        ["a", 1],
        ["c", 3],
      ],
    );
  });

  it("the path of a fault is where it stands", () => {
    assert.deepEqual(read("a: { b: [{ c: 1, c: 2 }] }").faults, [
      '1:18 a.b[0].c "c" is here twice',
    ]);
    assert.deepEqual(read("a: { b: *x }").faults, ["1:9 a.b no anchor &x above"]);
  });

  it("an anchor below, or round the alias itself, is none", () => {
    assert.deepEqual(read("a: *b\nb: &b 1").faults, ["1:4 a no anchor &b above"]);
    assert.deepEqual(read("a: &a { b: *a }").faults, ["1:12 a.b no anchor &a above"]);
  });

  it("Windows line ends and a byte-order mark are no matter", () => {
    assert.deepEqual(placed(read("\uFEFFa: 1\r\nb: x\r\n").tree!), {
      at: "1:1+1",
      a: ["1:5+1", 1],
      b: ["2:4+1", "x"],
    });
  });
});

describe("YAML that is not", () => {
  const tooMuch: readonly (readonly [string, string, RegExp])[] = [
    ["brackets", "[".repeat(1 << 20), /nested deeper/],
    ["maps in brackets", "{a: ".repeat(1 << 18), /nested deeper/],
    ["dashes", "- ".repeat(1 << 20), /nested deeper/],
    ["questions", "? ".repeat(1 << 20), /nested deeper/],
    ["tokens", `[${"1,".repeat(500_001)}]`, /tokens/],
    ["characters", "#".repeat(4 * 1024 * 1024 + 1), /larger than 4 MiB/],
  ];
  for (const [what, text, message] of tooMuch) {
    it(`too many ${what} are refused`, () => {
      const { tree, faults } = read(text);
      assert.equal(tree, undefined);
      assert.match(faults[0]!, message);
    });
  }

  it("a map in a map, line below line, ends somewhere too", () => {
    const deep = Array.from({ length: 500 }, (_, i) => `${" ".repeat(i)}a:`).join("\n");
    assert.match(read(deep).faults.join(), /nested/);
  });

  it("never throws, whatever the text", () => {
    const piece = fc.oneof(
      fc.constantFrom("a", ":", ": ", "- ", "\n", "  ", "\t", "[", "]", "{", "}", ",", "&a ", "*a"),
      fc.constantFrom(
        "'",
        '"',
        "|",
        ">",
        "#",
        "?",
        "!",
        "!!str ",
        "%",
        "---\n",
        "...",
        "<<: ",
        "\\",
      ),
      fc.string({ maxLength: 4 }),
    );
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(""));
    fc.assert(
      fc.property(text, (t) => {
        const { tree, faults } = read(t);
        assert.ok(tree !== undefined || faults.length > 0, "nothing read and nothing said");
      }),
      { numRuns: 2000 },
    );
  });
});
