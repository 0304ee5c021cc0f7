// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what users write
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { schedulers } from "#balance/schedulers/index.ts";
import { checks } from "#health/checks/index.ts";
import { violations } from "#kit/json-schema-check.ts";
import { actions } from "#rules/actions/index.ts";
import { matchers } from "#rules/matchers/index.ts";
import { configSchema } from "./json-schema.ts";

const schema = configSchema();
const minimal = {
  frontends: { web: { bind: ":80", default: "web" } },
  backends: { web: { servers: { a: "10.0.0.1:80" } } },
};

describe("the JSON Schema", () => {
  it("takes what is good", () => {
    assert.deepEqual(violations(schema, minimal), []);
    assert.deepEqual(violations(schema, { ...minimal, "x-anything": [1, { b: 2 }] }), []);
  });

  it("takes ${…} in the place of any scalar", () => {
    const filled = { ...minimal, engine: { threads: "${N}", drain: "${D:-5s}", driver: "${X}" } };
    assert.deepEqual(violations(schema, filled), []);
  });

  const bad: readonly (readonly [string, object])[] = [
    ["an unknown keyword", { ...minimal, engin: {} }],
    ["neither frontends nor services", { backends: {} }],
    ["a bare duration", { ...minimal, engine: { drain: 5 } }],
    ["a number out of bounds", { ...minimal, engine: { maxHeaders: 1 } }],
    ["a word that is none of the choices", { ...minimal, log: { format: "x" } }],
    ["a name that cannot be", { ...minimal, backends: { "a b": { servers: {} } } }],
    ["an option of another scheduler", with_("balance", { type: "leastconn", draws: 2 })],
    ["a check without what it needs", with_("check", { type: "exec" })],
  ];
  for (const [what, value] of bad) {
    it(`refuses ${what}`, () => assert.notDeepEqual(violations(schema, value), []));
  }

  function with_(keyword: string, value: unknown): object {
    return { ...minimal, backends: { web: { servers: {}, [keyword]: value } } };
  }

  it("holds every member of every registry", () => {
    const text = JSON.stringify(schema);
    for (const { name } of [...schedulers, ...checks, ...matchers, ...actions]) {
      assert.ok(text.includes(`"${name}"`), name);
    }
  });
});
