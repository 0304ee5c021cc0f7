import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { query } from "./query.ts";

const is = (written: unknown, search: string) => meets(query, written, viewOf(`GET /${search}`));

test("by value, expression or presence", () => {
  assert.ok(is({ name: "a", value: "1" }, "?a=1"));
  assert.ok(is({ name: "a", value: "1" }, "?b=2&a=1&c"));
  assert.ok(is({ name: "a", value: ["1", "2"] }, "?a=0&a=2"), "any of its values");
  assert.ok(is({ name: "a", value: "" }, "?a"));
  assert.ok(is({ name: "a", value: "" }, "?a="));
  assert.ok(is({ name: "a", value: "b=c" }, "?a=b=c"));
  assert.ok(is({ name: "a", regex: "^x\\d$" }, "?a=x7"));
  assert.ok(is({ name: "a" }, "?x&a"));
  assert.ok(is({ name: "a", present: false }, "?aa=1&b=a"));
  for (const search of ["", "?", "?a=2", "?A=1", "?ba=1", "?b=a=1", "?a=11", "?a;a=1"]) {
    assert.ok(!is({ name: "a", value: "1" }, search), search);
  }
});

test("names and values are decoded; a broken escape stands for itself", () => {
  assert.ok(is({ name: "a b", value: "c&d" }, "?a+b=c%26d"));
  assert.ok(is({ name: "ä", value: "é" }, "?%C3%a4=%c3%A9"));
  assert.ok(is({ name: "a", value: "%zz%4" }, "?a=%zz%4"));
  assert.ok(is({ name: "a", regex: "^é &$" }, "?a=%C3%A9+%26"));
});

test("an expression is not given more than its limit", () => {
  const view = viewOf(`GET /?a=${"a".repeat(4000)}`);
  assert.ok(!meets(query, { name: "a", regex: "a" }, view));
  assert.equal(view.refuse, 414);
});

test("agrees with URLSearchParams", () => {
  const piece = fc.string({ unit: fc.constantFrom("a", "=", "&", "+", "%", "6", "1", "b") });
  fc.assert(
    fc.property(piece, (search) => {
      const params = new URLSearchParams(search);
      for (const name of ["a", "b", "", "a a"]) {
        assert.equal(is({ name }, `?${search}`), params.has(name), `${name} in ${search}`);
        // What is not UTF-8 it replaces, and so cannot be asked for.
        for (const value of params.getAll(name).filter((v) => !v.includes("\ufffd"))) {
          assert.ok(is({ name, value }, `?${search}`), `${name}=${value} in ${search}`);
        }
      }
    }),
  );
});

test("what is no test of a parameter is refused", () => {
  for (const bad of ["a", {}, { name: "a", value: "1", regex: "1" }, []]) refusal(query.value, bad);
});
