import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { parse } from "yaml";
import { formatConfig } from "#config/fmt.ts";
import { configSchema } from "#config/json-schema.ts";
import { violations } from "#kit/json-schema-check.ts";
import { compileCase, fillCase, formatCase, parseCase, sourcesOf } from "./golden-case.ts";

const update = process.env["UPDATE_GOLDEN"] === "1";
const folder = import.meta.dirname;
const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
const schema = configSchema();

describe("golden configurations", () => {
  let bad = 0;
  for (const name of names) {
    const path = join(folder, name);
    const text = readFileSync(path, "utf8");
    const golden = parseCase(text);
    const compiled = compileCase(golden);
    if (!compiled.plan) bad++;

    it(`${name}: ${golden.purpose.split("\n", 1)[0]}`, () => {
      const filled = formatCase(fillCase(golden, compiled));
      if (update && filled !== text) writeFileSync(path, filled);
      else assert.equal(filled, text);
    });

    if (!compiled.plan) continue;

    it(`${name} is laid out anew without changing its meaning`, () => {
      const anew = (source: string): string => {
        const out = formatConfig(source);
        assert.ok(typeof out === "string");
        assert.equal(formatConfig(out), out, "formatting twice changes something");
        return out;
      };
      assert.deepEqual(compileCase(golden, anew).plan, compiled.plan);
    });

    it(`${name} agrees with the JSON Schema`, () => {
      for (const source of sourcesOf(golden)) {
        assert.ok("text" in source);
        const value: unknown = parse(source.text, { merge: true }) ?? {};
        // A piece of a configuration may lack what another file brings.
        const root = sourcesOf(golden).length > 1 ? { ...schema, anyOf: [{}] } : schema;
        assert.deepEqual(violations(root, value), []);
      }
    });
  }

  it("there are at least 60 of them, 30 of them bad", () => {
    assert.ok(names.length >= 60, `${names.length} cases`);
    assert.ok(bad >= 30, `${bad} bad cases`);
  });
});
