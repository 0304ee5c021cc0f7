import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { header } from "./header.ts";

const is = (written: unknown, ...lines: string[]) => meets(header, written, viewOf("GET /", lines));

test("by value, expression or presence; the name in any case", () => {
  assert.ok(is({ name: "x-a", value: "1" }, "X-A: 1"));
  assert.ok(is({ name: "X-A", value: ["2", "1"] }, "x-a:  1  "));
  assert.ok(!is({ name: "X-A", value: "1" }, "X-A: 11"));
  assert.ok(!is({ name: "X-A", value: "a" }, "X-A: A"), "values are compared with their case");
  assert.ok(is({ name: "X-A", regex: "^b.t$" }, "X-A: bat"));
  assert.ok(!is({ name: "X-A", regex: "^b.t$" }, "X-A: boat"));
  assert.ok(is({ name: "X-A" }, "X-A:"));
  assert.ok(is({ name: "X-A", present: true }, "X-A: b"));
  assert.ok(!is({ name: "X-A" }, "X-B: b"));
  assert.ok(is({ name: "X-A", present: false }, "X-B: b"));
  assert.ok(!is({ name: "X-A", present: false }, "X-A: b"));
});

test("known fields, fields that come twice, lists", () => {
  assert.ok(is({ name: "User-Agent", regex: "curl" }, "user-agent: curl/8"));
  assert.ok(is({ name: "X-A", value: "2" }, "X-A: 1", "X-A: 2"));
  assert.ok(is([{ name: "X-A" }, { name: "X-B" }], "X-B: 1"));
  assert.ok(!is([{ name: "X-A" }, { name: "X-B" }], "X-C: 1"));
});

test("a value longer than an expression may see is refused", () => {
  const view = viewOf("GET /", [`X-A: ${"a".repeat(4000)}`]);
  assert.ok(!meets(header, { name: "X-A", regex: "a" }, view));
  assert.equal(view.refuse, 431);
});

test("what is no test of a field is refused", () => {
  for (const bad of [
    "X-A",
    {},
    { name: "X A" },
    { name: "X-A", value: "1", regex: "1" },
    { name: "X-A", value: "1", present: true },
    { name: "X-A", regex: "(" },
    { name: "X-A", valeu: "1" },
    [],
  ]) {
    refusal(header.value, bad);
  }
});
