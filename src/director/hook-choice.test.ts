import assert from "node:assert/strict";
import { test } from "node:test";
import { planFromText } from "#kit/plan.ts";
import { hookFor } from "./hook-choice.ts";

function chosen(hook: string, what: string): string {
  const plan = planFromText(`
director: { interfaces: eth0, hook: ${hook} }
services: { a: { ${what}, method: dr, backend: app } }
backends: { app: { servers: { a: 10.0.0.11:0 } } }
`);
  return hookFor(plan, plan.director!);
}

test("marks are waited for, unless the hook is said", () => {
  assert.equal(chosen("auto", "bind: 10.0.0.1:80"), "auto");
  assert.equal(chosen("auto", "mark: 7"), "clsact");
  assert.equal(chosen("tcx", "mark: 7"), "tcx");
  assert.equal(chosen("clsact", "bind: 10.0.0.1:80"), "clsact");
});
