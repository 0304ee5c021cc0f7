import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { SUBJECT_LIMIT } from "../view.ts";
import { pathRegex } from "./path-regex.ts";

const is = (written: unknown, target: string) => meets(pathRegex, written, viewOf(`GET ${target}`));

test("is sought in the normalised path, without the query", () => {
  assert.ok(is("^/v[0-9]+/", "/v12/x"));
  assert.ok(is("\\.php$", "/a/%2Ephp?x"));
  assert.ok(!is("\\.php$", "/a?x.php"));
  assert.ok(is("^/[^/]+$", "/a/../b"));
  assert.ok(is("^/caf%C3%A9$", "/caf%c3%a9"));
  assert.ok(is("^/admin(/|$)", "/admin;x=1"));
  assert.ok(is("^/a/b$", "/a;x/b%3by"));
  assert.ok(!meets(pathRegex, "", viewOf("OPTIONS *")));
});

test("several expressions share one string", () => {
  const view = viewOf("GET /abc");
  assert.ok(meets(pathRegex, "b", view));
  const { pathString } = view;
  assert.ok(meets(pathRegex, "c", view));
  assert.equal(view.pathString, pathString);
});

test("a path longer than an expression may see is refused, not unmatched", () => {
  const long = viewOf(`GET /${"a".repeat(SUBJECT_LIMIT)}`);
  assert.ok(!meets(pathRegex, "a", long));
  assert.equal(long.refuse, 414);
  assert.ok(is("a$", `/${"a".repeat(SUBJECT_LIMIT - 1)}`));
});

test("what is no expression is refused", () => {
  assert.match(refusal(pathRegex.value, "("), /regular expression/);
  assert.match(refusal(pathRegex.value, ["a"]), /regular expression/);
  assert.match(refusal(pathRegex.value, "/café"), /in ASCII: in paths all else stands as %XX/);
});
