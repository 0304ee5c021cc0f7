import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { act, refusal } from "#kit/rules.ts";
import { deny } from "./deny.ts";

test("answers with the status and ends the rules", () => {
  for (const [written, status] of [
    [true, 403],
    [429, 429],
    [599, 599],
  ]) {
    const { verdict, ended } = act(deny, written, viewOf("GET /"));
    assert.equal(verdict.status, status);
    assert.equal(verdict.headersEnd, 0);
    assert.ok(ended);
  }
});

test("other statuses are refused", () => {
  for (const bad of [200, 399, 600, false, "no", null]) {
    assert.match(refusal(deny.value, bad), /a whole number from 400 to 599/);
  }
});
