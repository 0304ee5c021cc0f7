import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1, textOf } from "#base/bytes.ts";
import { naiveDecode, naivePath } from "#kit/http/naive-path.ts";
import { normalisePath, pathMeansTheSame } from "./path.ts";

/** The normalised path, undefined when malformed; surrounded by bytes that must not matter. */
function normalise(path: string): string | undefined {
  const bytes = latin1(`..${path}%2e/..`);
  const out = new Uint8Array(path.length + 8).fill(0x2f);
  const end = normalisePath(bytes, 2, 2 + path.length, out, 4);
  if (end < 0) return undefined;
  assert.deepEqual([...out.subarray(0, 4)], [0x2f, 0x2f, 0x2f, 0x2f]);
  assert.ok(end <= 4 + path.length, "longer than the path itself");
  return textOf(out, 4, end);
}

function same(path: string): boolean {
  const bytes = latin1(`..${path}%2e/..`);
  return pathMeansTheSame(bytes, 2, 2 + path.length);
}

/** [path, as rules compare it, whether it may be sent on as it came] */
const CASES: readonly (readonly [string, string, boolean])[] = [
  ["/", "/", true],
  ["/admin", "/admin", true],
  ["/admin/", "/admin/", true],
  ["/a/../admin", "/admin", false],
  ["//admin", "/admin", false],
  ["///admin", "/admin", false],
  ["/a//b", "/a/b", false],
  ["/a//", "/a/", false],
  ["/./admin", "/admin", false],
  ["/admin/.", "/admin/", false],
  ["/admin/..", "/", false],
  ["/admin/../", "/", false],
  ["/..", "/", false],
  ["/../../admin", "/admin", false],
  ["/a/b/../../admin", "/admin", false],
  ["/a/b/../c/./d", "/a/c/d", false],
  ["/a/..;/admin", "/admin", false],
  ["/a/..;x=1/admin", "/admin", false],
  ["/a/..%3bx/admin", "/admin", false],
  ["/.;/admin", "/admin", false],
  ["/;/admin", "/admin", false],
  ["/;x=y/admin", "/admin", false],
  ["/a/..;", "/", false],
  ["/%61dmin", "/admin", true],
  ["/%61%64%6D%69%6e", "/admin", true],
  ["/a/%2e%2e/admin", "/admin", false],
  ["/a/%2E./admin", "/admin", false],
  ["/a/.%2e;x/admin", "/admin", false],
  ["/%2e/admin", "/admin", false],
  ["/a%2f..%2fadmin", "/admin", false],
  ["/a%2F%2e%2e%2Fadmin", "/admin", false],
  ["/%2fadmin", "/admin", false],
  ["/a/..%5cadmin", "/admin", false],
  ["/a%5C..%5Cadmin", "/admin", false],
  ["/a%2fb", "/a/b", true],
  ["/@scope%2fname", "/@scope/name", true],
  ["/a%5cb", "/a/b", true],
  ["/a%2f", "/a/", true],
  ["/admin;x=1", "/admin;x=1", true],
  ["/admin%3Bx", "/admin%3Bx", true],
  ["/...", "/...", true],
  ["/..a/.b/c..", "/..a/.b/c..", true],
  ["/...;x", "/...;x", true],
  ["/a%20b", "/a%20b", true],
  ["/%c3%a4", "/%C3%A4", true],
  ["/%3f%23%25", "/%3F%23%25", true],
  ["/%252e%252e/", "/%252e%252e/", true],
  ["/%40%3a%21%24%26%27%28%29%2a%2b%2c%3d", "/@:!$&'()*+,=", true],
  ["/%7b%7C%7d%5e%60%7E", "/{|}^`~", true],
  ["/%22%3c%3E%7f%01", "/%22%3C%3E%7F%01", true],
];

for (const [path, expected, unchanged] of CASES) {
  test(`${path} is ${expected}`, () => {
    assert.equal(normalise(path), expected);
    assert.equal(same(path), unchanged);
    assert.equal(normalise(expected), expected);
  });
}

const MALFORMED = [
  "",
  "a",
  "*",
  "?a",
  "/%",
  "/%4",
  "/%zz",
  "/%4x",
  "/a%",
  "/%00",
  "/a%00b",
  "/%%41",
];
for (const path of [...MALFORMED, "/\0", "/ ", "/a\\b", "/\x7f", "/\xe4", '/"', "/<", "/a#b"]) {
  test(`${JSON.stringify(path)} is malformed`, () => {
    assert.equal(normalise(path), undefined);
    assert.equal(same(path), false);
  });
}

const piece = fc.constantFrom(
  ...[
    "/",
    "/",
    "/",
    ".",
    "..",
    ";",
    ";x=1",
    "a",
    "Admin",
    "%2e",
    "%2E",
    "%2f",
    "%5C",
    "%3b",
    "%41",
    "%",
  ],
  ...["%00", "%20", "%c3", "%25", "~", "{", "%7b", "@", "%40", "*", "\\", "\xe4", "?"],
);
const anyPath = fc.array(piece, { maxLength: 14 }).map((pieces) => `/${pieces.join("")}`);

test("fast ≡ naive; normalising twice is normalising once", () => {
  let normalised = 0;
  fc.assert(
    fc.property(anyPath, (path) => {
      const fast = normalise(path);
      assert.equal(fast, naivePath(path));
      if (fast === undefined) return;
      normalised++;
      assert.equal(normalise(fast), fast);
      assert.ok(same(fast), "what was normalised may be sent on");
    }),
    { numRuns: 5000 },
  );
  assert.ok(normalised > 1000, `only ${normalised} paths were right`);
});

test("a path means the same exactly when normalising does no more than decode", () => {
  fc.assert(
    fc.property(anyPath, (path) => {
      const normal = naivePath(path);
      assert.equal(same(path), normal !== undefined && normal === naiveDecode(path));
    }),
    { numRuns: 5000 },
  );
});
