import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { cookie } from "./cookie.ts";

const is = (written: unknown, ...values: string[]) =>
  meets(
    cookie,
    written,
    viewOf(
      "GET /",
      values.map((value) => `Cookie: ${value}`),
    ),
  );

test("by value, expression or presence", () => {
  const beta = { name: "beta", value: "1" };
  for (const value of ["beta=1", "a=b; beta=1", "beta=1 ;a=b", "beta=0; beta=1", ";beta=1;"]) {
    assert.ok(is(beta, value), value);
  }
  for (const value of ["beta=11", "Beta=1", "xbeta=1", "a=beta=1", 'beta="1"', "beta"]) {
    assert.ok(!is(beta, value), value);
  }
  assert.ok(is(beta, "a=b", "beta=1"), "in the second field");
  assert.ok(is({ name: "a" }, "a="));
  assert.ok(is({ name: "a", regex: "^x=\\d$" }, "a=x=5"));
  assert.ok(is({ name: "a", present: false }, "b=1"));
  assert.ok(is({ name: "a", present: false }));
  assert.ok(!is({ name: "a", present: false }, "b=1; a=2"));
  assert.ok(is([{ name: "a" }, { name: "b" }], "b=1"));
});

test("what is no test of a cookie is refused", () => {
  for (const bad of ["a", {}, { name: "a=b" }, { name: "a", value: "1", regex: "1" }, []]) {
    refusal(cookie.value, bad);
  }
});
