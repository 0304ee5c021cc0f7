import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "#base/bytes.ts";
import { viewOf } from "#kit/request.ts";
import { act, backendIndex, readValue, refusal } from "#kit/rules.ts";
import { Verdict } from "../types.ts";
import { rewritePath } from "./rewrite-path.ts";

/** What the server is sent; undefined: the client's target. */
function target(written: unknown, line: string): string | undefined {
  const { verdict, ended } = act(rewritePath, written, viewOf(line));
  assert.ok(!ended);
  return verdict.targetEnd === 0 ? undefined : textOf(verdict.target, 0, verdict.targetEnd);
}

test("a prefix", () => {
  const api = { prefix: { from: "/api", to: "/v2" } };
  assert.equal(target(api, "GET /api/x?y=1"), "/v2/x?y=1");
  assert.equal(target(api, "GET /api"), "/v2");
  assert.equal(target(api, "GET /apix"), undefined);
  assert.equal(target(api, "GET /a/..//api/%7eb"), "/v2/~b");
  assert.equal(target(api, "OPTIONS *"), undefined);
  assert.equal(target(api, "GET /api;v=1/x;y=2/z"), "/v2/x;y=2/z");
  const root = { prefix: { from: "/api/", to: "/" } };
  assert.equal(target(root, "GET /api"), "/");
  assert.equal(target(root, "GET /api/"), "/");
  assert.equal(target(root, "GET /api/x/"), "/x/");
  const below = { prefix: { from: "/", to: "/café" } };
  assert.equal(target(below, "GET /"), "/caf%C3%A9/");
  assert.equal(target(below, "GET /x?"), "/caf%C3%A9/x");
});

test("what was encoded stays encoded", () => {
  const api = { prefix: { from: "/api", to: "/" } };
  assert.equal(target(api, "GET /api/a%20b%3Fc%25%3b%23"), "/a%20b%3Fc%25%3B%23");
});

test("a regular expression", () => {
  const user = { regex: "^/user/(\\d+)", replacement: "/u/$1/id" };
  assert.equal(target(user, "GET /user/42/x?y"), "/u/42/id/x?y");
  assert.equal(target(user, "GET /users"), undefined);
  const bare = { regex: "^/(?<what>.*)$", replacement: "$<what> ?x#" };
  assert.equal(target(bare, "GET /a"), "/a%20%3Fx%23", "rooted, and nothing of it is a query");
  assert.equal(target({ regex: ".*", replacement: "" }, "GET /a?b"), "/?b");
  assert.equal(target({ regex: "o", replacement: "0" }, "GET /foo"), "/f0o", "the first");
});

test("a target that finds no room is refused and ends the rules", () => {
  for (const written of [{ prefix: { from: "/", to: "/x" } }, { regex: "^", replacement: "/x" }]) {
    const { value } = readValue(rewritePath.value, written);
    const verdict = new Verdict(40);
    const action = rewritePath.compile(value!, { backend: backendIndex });
    assert.ok(action(viewOf(`GET /${"a".repeat(30)}?${"b".repeat(30)}`), verdict));
    assert.equal(verdict.status, 414);
  }
});

test("what makes no sense is refused", () => {
  for (const bad of [
    {},
    { prefix: { from: "/a" } },
    { prefix: { from: "a", to: "/" } },
    { prefix: { from: "/a", to: "/?x" } },
    { regex: "a" },
    { replacement: "a" },
    { regex: "(", replacement: "a" },
    { regex: "a", replacement: "\r\n" },
    { regex: "a", replacement: "b", prefix: { from: "/a", to: "/b" } },
  ]) {
    refusal(rewritePath.value, bad);
  }
});
