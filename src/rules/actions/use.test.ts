import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { act, refusal } from "#kit/rules.ts";
import { use } from "./use.ts";

test("chooses the backend and ends the rules", () => {
  const { verdict, ended } = act(use, "b7", viewOf("GET /"));
  assert.equal(verdict.backend, 7);
  assert.equal(verdict.status, 0);
  assert.ok(ended);
  assert.deepEqual(use.backends?.("b7"), ["b7"]);
});

test("what is no name is refused", () => {
  for (const bad of [null, ["b1"], "x".repeat(65)]) refusal(use.value, bad);
});
