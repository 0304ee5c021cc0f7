import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { test } from "node:test";

const root = new URL("../../", import.meta.url).pathname;

/**
 * A folder inside a layer's folder with an index.ts is a registry: one member a file, one line
 * each.
 */
const registries = globSync("src/*/**/index.ts", { cwd: root })
  .filter((file) => file.split("/").length > 3)
  .map((file) => dirname(file));

/** Folders that are registries for as long as they exist at all. */
const KNOWN = [
  "src/balance/schedulers",
  "src/health/checks",
  "src/rules/matchers",
  "src/rules/actions",
  "src/cli/commands",
];

const sourcesIn = (folder: string): string[] =>
  globSync(`${folder}/*.ts`, { cwd: root })
    .map((file) => basename(file))
    .filter((file) => file !== "index.ts" && !file.endsWith(".test.ts"));

test("the known registries are among those found", () => {
  assert.ok(registries.includes("src/balance/schedulers"));
  for (const folder of KNOWN) {
    if (sourcesIn(folder).length > 0) assert.ok(registries.includes(folder), folder);
  }
});

for (const folder of registries) {
  test(`${folder}: every file is in the index, every line of the index has its file`, () => {
    const files = sourcesIn(folder).toSorted();
    assert.ok(files.length > 0, "looked at nothing");
    const index = readFileSync(`${root}${folder}/index.ts`, "utf8");
    const listed = [...index.matchAll(/(?:from |import\()"\.\/([^"/]+\.ts)"/g)].map((m) => m[1]!);
    assert.deepEqual([...new Set(listed)].toSorted(), files);
  });
}
