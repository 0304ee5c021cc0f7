import assert from "node:assert/strict";
import { test } from "node:test";
import { brokenView, viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { path } from "./path.ts";

const is = (written: unknown, target: string) => meets(path, written, viewOf(`GET ${target}`));

test("the whole path, normalised on both sides", () => {
  for (const target of ["/a/b", "/a/b?x=1", "//a/./b", "/a/%62", "/a/c/../b", "/a%2Fb"]) {
    assert.ok(is("/a/b", target), target);
    assert.ok(is("//a/x/../%62", target), target);
  }
  for (const target of ["/a/b/", "/a", "/A/b", "/a/bc"]) assert.ok(!is("/a/b", target), target);
});

test("parameters of segments are passed over", () => {
  for (const target of ["/a/b;x", "/a;x=1/b", "/a%3b/b;;"]) assert.ok(is("/a/b", target), target);
  for (const target of ["/a/b;/c", "/a/b;/", "/a;/bc"]) assert.ok(!is("/a/b", target), target);
  assert.ok(is("/a;x/", "/a;x/"));
});

test("a list is any of it", () => {
  assert.ok(is(["/x", "/y"], "/y"));
  assert.ok(!is(["/x", "/y"], "/z"));
});

test("text beyond ASCII is written as people read it", () => {
  assert.ok(is("/café/ü", "/caf%c3%A9/%C3%BC"));
});

test("a target without a path meets none; an absolute one without it means /", () => {
  assert.ok(!meets(path, "/", viewOf("OPTIONS *")));
  assert.ok(meets(path, "/", viewOf("GET http://example.com?x", ["Host: example.com"])));
});

test("a path that cannot be normalised is refused, not unmatched", () => {
  const view = brokenView();
  assert.ok(!meets(path, "/", view));
  assert.equal(view.refuse, 400);
});

test("what is no path is refused", () => {
  for (const bad of ["", "a", "/a b", "/a?b", "/a#b", "/%zz", "/%00", 7, []]) {
    assert.match(refusal(path.value, bad), /a path beginning with \/|a list of at least 1/);
  }
});
