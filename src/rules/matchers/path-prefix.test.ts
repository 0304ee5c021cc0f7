import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { pathPrefix } from "./path-prefix.ts";

const is = (written: unknown, target: string) =>
  meets(pathPrefix, written, viewOf(`GET ${target}`));

test("whole segments from the first", () => {
  for (const written of ["/api", "/api/"]) {
    for (const target of ["/api", "/api/", "/api/x", "//api", "/%61pi/x", "/x/../api?q"]) {
      assert.ok(is(written, target), `${written} ${target}`);
    }
    for (const target of ["/apix", "/ap", "/", "/x/api", "/api/../x", "/API"]) {
      assert.ok(!is(written, target), `${written} ${target}`);
    }
  }
});

test("tricks with separators and parameters do not lead past it", () => {
  for (const target of [
    "/x/..;/admin",
    "/%2e%2e/admin",
    "/x%2f..%2Fadmin",
    "//admin",
    "/./admin",
    "/admin;x",
    "/admin;x/users",
    "/admin%3bx=%2f/users",
    "/;x/admin;y/",
  ]) {
    assert.ok(is("/admin", target), target);
  }
});

test("a prefix of several segments meets them with parameters, and no others", () => {
  for (const target of ["/a;x/b", "/a/b;x", "/a;x/b;y/c", "/a%3B/b"]) assert.ok(is("/a/b", target));
  for (const target of ["/a;/bc", "/a;/b/../c", "/a;/", "/ab", "/a;b"]) {
    assert.ok(!is("/a/b", target), target);
  }
  assert.ok(is("/a;v=1", "/a;v=1/b"));
});

test("/ is every path", () => {
  assert.ok(is("/", "/"));
  assert.ok(is("/", "/a/b"));
  assert.ok(!meets(pathPrefix, "/", viewOf("OPTIONS *")));
});

test("a list is any of it, and what is no path is refused", () => {
  assert.ok(is(["/a", "/b"], "/b/c"));
  assert.match(refusal(pathPrefix.value, "api"), /a path beginning with \//);
});
