import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Report, type Tree } from "#schema/index.ts";
import { tokensOf } from "./script-tokens.ts";
import { treeOfValue } from "./value.ts";

/** What stands at the place of each key and each scalar, by path; "" for no place. */
function placesOf(script: string, value: unknown): Record<string, string> {
  const lines = script.split("\n");
  const found: Record<string, string> = {};
  const say = (path: string, { place }: Pick<Tree, "place">): void => {
    const { line, column, length } = place;
    found[path] = line === 0 ? "" : lines[line - 1]!.slice(column - 1, column - 1 + length);
  };
  const walk = (tree: Tree, path: string): void => {
    if (tree.kind === "scalar") say(path, tree);
    if (tree.kind === "list")
      for (const [i, item] of tree.items.entries()) walk(item, `${path}[${i}]`);
    if (tree.kind !== "dict") return;
    for (const { key, keyPlace, value: below } of tree.entries) {
      say(`${path}.${key}:`, { place: keyPlace });
      walk(below, `${path}.${key}`);
    }
  };
  walk(treeOfValue("f.ts", value, new Report(), script)!, "");
  return found;
}

const VALUE = { a: { b: [1, "x"] } };
const WRITTEN = { ".a:": "a", ".a.b:": "b", ".a.b[0]": "1", ".a.b[1]": '"x"' };
const TEXT = '{ a: { b: [1, "x"] } }';

describe("places in a script", () => {
  const forms: Record<string, string> = {
    "a literal": `export default ${TEXT}`,
    "with a type": `export default ${TEXT} satisfies Config;`,
    "through defineConfig": `import { defineConfig } from "weir/config";\nexport default defineConfig(${TEXT});`,
    "a constant": `const config: Record<string, () => void> = ${TEXT};\nexport default config;`,
    "a constant through defineConfig": `const c = ${TEXT}\nexport default defineConfig(c);`,
    "an arrow function": `export default async () => (${TEXT});`,
    "an arrow function with a type and a body": `export default (): Config => { const z = { a: 2 }; return ${TEXT}; };`,
    "a function": `export default function () {\n  return defineConfig(${TEXT});\n}`,
    "constants within": `const b = [1, "x"] as const;\nconst a = { b };\nexport default { a };`,
    "among comments, strings, templates and expressions": [
      '// export default { a: "no" }',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the script that is read
      "/* { a: */ const t = `{ ${`a: ${1}`} } [`; const r = /[/{]\\/{/g; const d = 4 / 2 / 1;",
      `export default /* { */ ${TEXT}`,
    ].join("\n"),
  };
  for (const [name, script] of Object.entries(forms)) {
    it(`of ${name}`, () => assert.deepEqual(placesOf(script, VALUE), WRITTEN));
  }

  it("quoted keys, numbers, lines of either kind", () => {
    const script = "export default {\r\n\t'a-b': {\r\n\t\t503: true,\r\n\t},\r\n};";
    assert.deepEqual(placesOf(script, { "a-b": { 503: true } }), {
      ".a-b:": "'a-b'",
      ".a-b.503:": "503",
      ".a-b.503": "true",
    });
  });

  it("what is computed has none; a value that is computed has its key's", () => {
    const computed: readonly (readonly [string, unknown, Record<string, string>])[] = [
      ["{ a: 1 + 1 }", { a: 2 }, { ".a:": "a", ".a": "a" }],
      ["{ a: f({ b: 1 }) }", { a: { b: 1 } }, { ".a:": "a", ".a.b:": "", ".a.b": "" }],
      ["{ a: [1].map(g) }", { a: [1] }, { ".a:": "a", ".a[0]": "" }],
      ["{ [k]: 1, b: 2 }", { a: 1, b: 2 }, { ".a:": "", ".a": "", ".b:": "b", ".b": "2" }],
      ["{ a: 1, ...s, b: 2 }", { a: 3, b: 2 }, { ".a:": "", ".a": "", ".b:": "b", ".b": "2" }],
      [
        "{ l: [1, ...m, 3] }",
        { l: [1, 2, 3] },
        { ".l:": "l", ".l[0]": "1", ".l[1]": "", ".l[2]": "" },
      ],
      ["{ a: x ? 1 : 2 }", { a: 1 }, { ".a:": "a", ".a": "a" }],
      // biome-ignore lint/suspicious/noTemplateCurlyInString: a template of the script that is read
      ["{ a: `x${1}` }", { a: "x1" }, { ".a:": "a", ".a": "a" }],
      ["make()", { a: 1 }, { ".a:": "", ".a": "" }],
    ];
    for (const [script, value, places] of computed) {
      assert.deepEqual(placesOf(`export default ${script};`, value), places, script);
    }
  });

  it("of two constants of one name neither is taken", () => {
    const script = "const a = 1; { const a = 2; }\nexport default { a };";
    assert.deepEqual(placesOf(script, { a: 1 }), { ".a:": "a", ".a": "a" });
  });

  it("ends on any text, and its tokens and the blanks between them are the text", () => {
    const piece = fc.constantFrom(
      ..."export default { } [ ] ( ) => ... , : ; ` ' \" / // /* */ \\ ${ const a = return function \n".split(
        " ",
      ),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.constantFrom("", " "), (pieces, gap) => {
        const script = pieces.join(gap);
        placesOf(script, VALUE);
        const lines = script.split("\n");
        for (const { text, line, column } of tokensOf(script)) {
          assert.ok(
            lines
              .slice(line - 1)
              .join("\n")
              .startsWith(text, column - 1),
          );
        }
      }),
      { numRuns: 2000 },
    );
  });
});
