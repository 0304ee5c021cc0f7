import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1, textOf } from "#base/bytes.ts";
import { normalisePath } from "#http/path.ts";
import { brokenView, viewOf } from "#kit/request.ts";
import { isNormal, normalisedPath } from "./view.ts";

const pathOf = (line: string) => {
  const view = viewOf(line);
  const found = normalisedPath(view);
  return [found, textOf(view.path, view.pathStart, view.pathEnd), view.refuse];
};

test("the path that conditions compare", () => {
  assert.deepEqual(pathOf("GET /a/b?c=/d"), [true, "/a/b", 0]);
  assert.deepEqual(pathOf("GET /a/./b//c/../%64"), [true, "/a/b/d", 0]);
  assert.deepEqual(pathOf("OPTIONS *"), [false, "", 0]);
  const broken = brokenView();
  assert.deepEqual([normalisedPath(broken), broken.refuse], [false, 400]);
});

test("is found once a request, and anew for the next", () => {
  const view = viewOf("GET /a%2fb");
  assert.ok(normalisedPath(view));
  view.pathRoom[1] = 120;
  assert.ok(normalisedPath(view));
  assert.equal(textOf(view.path, view.pathStart, view.pathEnd), "/x/b");
  const next = viewOf("GET /c");
  view.fill(next.bytes, next.head, next.peer, 0);
  assert.ok(normalisedPath(view));
  assert.equal(textOf(view.path, view.pathStart, view.pathEnd), "/c");
});

test("a path said to be normal is what normalising makes of it", () => {
  const piece = fc.constantFrom(
    "/",
    "/",
    ".",
    "..",
    ";",
    "a",
    "b;c",
    "%41",
    "%2f",
    "\\",
    "~",
    "/.w",
  );
  let normal = 0;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const bytes = latin1(`#/${pieces.join("")}#`);
      if (!isNormal(bytes, 1, bytes.length - 1)) return;
      normal++;
      const out = new Uint8Array(bytes.length);
      const end = normalisePath(bytes, 1, bytes.length - 1, out, 0);
      assert.equal(textOf(out, 0, end), textOf(bytes, 1, bytes.length - 1));
    }),
    { numRuns: 2000 },
  );
  assert.ok(normal > 100, `only ${normal} were normal`);
  assert.ok(!isNormal(latin1("a/b"), 0, 3));
});
