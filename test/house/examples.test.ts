import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";

const root = new URL("../../", import.meta.url).pathname;

/** Code blocks that name the file they show: ```ts src/balance/schedulers/first.ts */
const examples = globSync("{*.md,docs/**/*.md}", { cwd: root }).flatMap((page) =>
  [...readFileSync(root + page, "utf8").matchAll(/^```\w+ (\S+\/\S+)\n(.*?)^```$/gms)].map(
    (match) => ({ page, file: match[1]!, code: match[2]! }),
  ),
);

test("there are examples that name a file", () => {
  assert.ok(examples.length > 0);
});

for (const { page, file, code } of examples) {
  test(`${page} shows ${file} as it is`, () => {
    // A part of the file will do; "…" alone on a line stands for what is left out.
    const text = readFileSync(root + file, "utf8");
    let at = 0;
    for (const part of code.split(/^\s*…\n/m)) {
      const found = text.indexOf(part, at);
      assert.ok(found >= 0, `not in ${file}:\n${part}`);
      at = found + part.length;
    }
  });
}
