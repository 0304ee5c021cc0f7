import assert from "node:assert/strict";
import { test } from "node:test";
import { placeOfError } from "./script-error.ts";

test("the frame that Node puts before an error of syntax", () => {
  const stack =
    "/a b/x.ts:12\nlet c;\n\tconst a = 'b\n          ^^^\n\nSyntaxError: no\n    at f (node:x:1:1)";
  const place = { path: "/a b/x.ts", line: 12, column: 11, length: 3 };
  assert.deepEqual(placeOfError(stack, []), place);
  assert.deepEqual(placeOfError(stack.replace("let c;\n", ""), []), place);
  assert.deepEqual(placeOfError(stack.replace("/a b", "file:///a%20b"), []), place);
});

test("the innermost call that is the user's", () => {
  const stack = [
    "TypeError: no",
    "    at own (file:///weir/define.ts:1:1)",
    "    at lib (file:///x/node_modules/lib/index.js:2:2)",
    "    at new Function (<anonymous>)",
    "    at Array.map (file:///x/a%20(b).ts:3:4)",
    "    at file:///x/c.ts:5:6",
  ];
  const own = ["file:///weir/define.ts"];
  assert.deepEqual(placeOfError(stack.join("\n"), own), {
    path: "/x/a (b).ts",
    line: 3,
    column: 4,
    length: 1,
  });
  assert.equal(placeOfError(stack.slice(0, 4).join("\n"), own), undefined);
  assert.equal(placeOfError(stack.toSpliced(4, 1).join("\n"), own)!.path, "/x/c.ts");
  assert.equal(placeOfError("", own), undefined);
});
