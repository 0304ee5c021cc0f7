import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { LAYERS } from "./layers.ts";
import { exists, inlineCode, readPage, tableRows } from "./pages.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LINES = 250;

const page = readPage("ARCHITECTURE.md");
const names = inlineCode(page);

const sources = globSync("src/**/*.ts", { cwd: ROOT })
  .filter((path) => !path.endsWith(".test.ts"))
  .map((path) => readFileSync(join(ROOT, path), "utf8"));

test("the map is short", () => {
  const count = page.text.split("\n").length - 1;
  assert.ok(count <= LINES, `${count} lines, of ${LINES}`);
});

test("every folder of src is on it", () => {
  const folders = [
    ...new Set(globSync("src/*/**/*.ts", { cwd: ROOT }).map((p) => p.split("/")[1])),
  ];
  assert.ok(folders.length > 10);
  const missing = folders.filter((folder) => !names.includes(`src/${folder}/`));
  assert.deepEqual(missing, []);
});

test("every path it names is there, from the root or in src", () => {
  const paths = names.filter((name) => /^[\w.-]+(\/[\w.-]*)+$/.test(name));
  assert.ok(paths.length > 40, `${paths.length} paths`);
  const missing = paths.filter((path) => !exists(path) && !exists(`src/${path}`));
  assert.deepEqual(missing, []);
});

test("every function it names is there", () => {
  const calls = names.filter((name) => /^(\w+\.)?\w+\(\)$/.test(name));
  assert.ok(calls.length > 15, `${calls.length} functions`);
  assert.deepEqual(
    calls.filter((call) => !isDeclared(call)),
    [],
  );
});

/** `f()`: a function; `K.f()`: a method of a class; a method's name alone: an interface's. */
function isDeclared(call: string): boolean {
  const [name, holder] = call.slice(0, -2).split(".").reverse();
  const method = new RegExp(`^ +(async )?${name}[(<]`, "m");
  return sources.some((text) =>
    holder === undefined
      ? new RegExp(`(function|const) ${name}\\b`).test(text) || method.test(text)
      : new RegExp(`class ${holder}\\b`).test(text) && method.test(text),
  );
}

test("its table of layers is the one that is enforced", () => {
  const section = /^## Layers\n(.*?)^## /ms.exec(page.text)![1]!;
  const rows = tableRows(section).map(([folder, allowed]) => [
    folder!,
    allowed === "nothing" ? [] : allowed!.split(", "),
  ]);
  assert.deepEqual(rows, Object.entries(LAYERS));
});
