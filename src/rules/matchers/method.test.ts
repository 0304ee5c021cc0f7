import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { method } from "./method.ts";

const is = (written: unknown, name: string) => meets(method, written, viewOf(`${name} /`));

test("known and other methods, case-sensitive", () => {
  assert.ok(is("GET", "GET"));
  assert.ok(is(["GET", "PURGE"], "PURGE"));
  assert.ok(is(["GET", "HEAD"], "HEAD"));
  for (const name of ["POST", "get", "GETX", "PURG", "OTHER"]) {
    assert.ok(!is(["GET", "PURGE"], name), name);
  }
  assert.ok(is("OTHER", "OTHER"));
  assert.ok(!is("OTHER", "PURGE"));
});

test("what cannot be a method is refused", () => {
  for (const bad of ["get", "G T", "", 1, []]) {
    assert.match(refusal(method.value, bad), /a method in capitals|a list of at least 1/);
  }
});
