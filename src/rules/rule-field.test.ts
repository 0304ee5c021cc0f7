import assert from "node:assert/strict";
import { test } from "node:test";
import { faultsOf, readValue, rulesOf } from "#kit/rules.ts";
import { actions } from "./actions/index.ts";
import { matchers } from "./matchers/index.ts";
import { backendsOf, rule } from "./rule-field.ts";

const RULE = rule({ help: "a rule" });

test("reads to conditions and actions in written order", () => {
  const [plan] = rulesOf({
    rewritePath: { prefix: { from: "/a", to: "/" } },
    setHeader: { "X-A": "1" },
    use: "b1",
    when: {
      path: "/a",
      not: { method: "POST", path: "/b" },
      all: [{ path: "/c" }, { path: "/d", method: "GET" }],
      host: "a.example",
    },
    name: "the first",
  });
  assert.equal(plan!.name, "the first");
  assert.deepEqual(
    plan!.when.map(({ not, match }) => [not, match.name, match.options["value"]]),
    [
      [false, "path", ["/a"]],
      [false, "host", ["a.example"]],
      [false, "path", ["/c"]],
      [false, "path", ["/d"]],
      [false, "method", ["GET"]],
      [true, "method", ["POST"]],
      [true, "path", ["/b"]],
    ],
  );
  assert.deepEqual(
    plan!.actions.map(({ name }) => name),
    ["rewritePath", "setHeader", "use"],
  );
  assert.deepEqual(backendsOf(plan!), ["b1"]);
});

test("without conditions it always matches; without a name it is known by its place", () => {
  const plans = rulesOf({ deny: true }, { use: "b0" });
  assert.deepEqual(
    plans.map(({ name, when }) => [name, when.length]),
    [
      ["rule 0", 0],
      ["rule 1", 0],
    ],
  );
});

test("unknown keywords are faults with the nearest", () => {
  const nearest = (written: unknown) => readValue(RULE, written).faults.map((f) => f.nearest);
  assert.deepEqual(nearest({ wen: {}, use: "b0" }), ["when"]);
  assert.deepEqual(nearest({ redirct: {}, use: "b0" }), ["redirect"]);
  assert.deepEqual(nearest({ when: { pathPrefx: "/" }, use: "b0" }), ["pathPrefix"]);
  assert.deepEqual(nearest({ when: { not: { hots: "a" } }, use: "b0" }), ["host"]);
});

test("faults say where", () => {
  assert.deepEqual(
    readValue(RULE, { when: { not: { host: ["a", "b:1"] } }, deny: 1 }).faults.map((f) => f.path),
    ["rules[0].when.not.host[1]", "rules[0].deny"],
  );
  assert.match(faultsOf({ when: { path: "/" } })[0]!, /expected an action: one of use, redirect/);
  assert.match(faultsOf({ use: "b0", deny: 403 })[0]!, /use as the last action/);
  assert.match(faultsOf({ use: "b0", setHeader: { A: "1" } })[0]!, /use as the last action/);
  assert.match(faultsOf("x")[0]!, /a map of keywords/);
  assert.equal(faultsOf({ when: { not: { not: { path: "/" } } }, use: "b0" }).length, 1);
});

test("what it formats reads to the same", async () => {
  const { parse } = await import("yaml");
  for (const written of [
    { name: "a: b", when: { host: ["a.example", "*.b.example"], method: "GET" }, use: "b0" },
    { when: { not: { path: "/x" }, all: [{ path: "/a" }, { path: "/b" }] }, deny: 429 },
    { when: { source: "10.0.0.0/8" }, setHeader: { "X-A": "1: 2" }, redirect: { to: "/x" } },
    { when: { header: { name: "A", regex: "^\\d$" } }, addHeader: { A: ["1", "2"] } },
  ]) {
    const [plan] = rulesOf(written);
    assert.deepEqual(rulesOf(parse(RULE.format(plan!)))[0], plan, RULE.format(plan!));
  }
});

test("its schema has every keyword", () => {
  const schema = RULE.jsonSchema() as { properties: Record<string, { properties?: object }> };
  const names = ["name", "when", ...actions.map(({ name }) => name)];
  assert.deepEqual(Object.keys(schema.properties), names);
  assert.deepEqual(Object.keys(schema.properties["when"]!.properties!), [
    ...matchers.map(({ name }) => name),
    "not",
    "all",
  ]);
});

test("a Plan's rules cross a thread", () => {
  const rules = rulesOf({
    when: { source: "10.0.0.0/8", header: { name: "A" } },
    setHeader: { A: "1" },
    use: "b0",
  });
  assert.deepEqual(structuredClone(rules), rules);
});
