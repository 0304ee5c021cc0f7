import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { PAGES } from "./docs/pages.ts";

/**
 * `npm run docs`: writes the pages that derive from declarations; `--check` says which are out of
 * date.
 */
const root = join(import.meta.dirname, "..");
const isCheck = process.argv.includes("--check");

function current(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

for (const [page, write] of PAGES) {
  const path = join(root, page);
  const text = write();
  if (current(path) === text) continue;
  if (isCheck) {
    console.error(`${page} is out of date: npm run docs`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${page}`);
}
