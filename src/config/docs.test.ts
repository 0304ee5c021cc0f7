import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { Field, Fields } from "#schema/index.ts";
import { configurationDocs } from "./docs.ts";
import { documentFields } from "./model/document.ts";

const page = configurationDocs();

/** Every keyword of the language, however deep, options of registries' members included. */
function* keywords(fields: Fields): Generator<[string, Field<unknown>]> {
  for (const [keyword, field] of Object.entries<Field<unknown>>(fields)) {
    yield [keyword, field];
    for (const inner of [field, field.element]) {
      if (inner?.fields) yield* keywords(inner.fields);
      for (const choice of inner?.choices ?? []) yield* keywords(choice.options);
    }
  }
}

describe("the manual's page", () => {
  it("is as the declarations say: npm run docs", () => {
    const path = join(import.meta.dirname, "../../docs/configuration.md");
    assert.equal(readFileSync(path, "utf8"), page);
  });

  it("names every keyword", () => {
    let count = 0;
    for (const [keyword] of keywords(documentFields)) {
      count++;
      if (keyword === "version") continue;
      assert.match(page, new RegExp(`[\`.]${keyword}[\`:]`), keyword);
    }
    assert.ok(count > 150, `${count} keywords`);
  });

  it("every keyword has a help text, without a full stop where it is ours to add", () => {
    for (const [keyword, field] of keywords(documentFields)) {
      assert.ok(field.help.length > 3, keyword);
    }
  });
});
