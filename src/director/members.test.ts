import assert from "node:assert/strict";
import { test } from "node:test";
import { Members } from "./members.ts";

test("a server keeps its number while others come and go, and gets it back", () => {
  const members = new Members();
  members.assign(["a", "b", "c"]);
  assert.deepEqual(
    ["a", "b", "c"].map((name) => members.get(name)),
    [0, 1, 2],
  );
  members.assign(["c", "a", "d"]);
  assert.equal(members.get("b"), 1, "its connections may still be there");
  assert.equal(members.get("d"), 3);
  members.assign(["b"]);
  assert.equal(members.get("b"), 1);
  assert.equal(members.span, 4);
});

test("a number released goes to the next that comes", () => {
  const members = new Members();
  members.assign(["a", "b"]);
  members.release("a");
  members.assign(["b", "c"]);
  assert.equal(members.get("c"), 0);
});

test("numbers of the control before are taken over, each once", () => {
  const members = new Members();
  assert.ok(members.adopt("a", 5));
  assert.ok(members.adopt("a", 5));
  assert.ok(!members.adopt("a", 6));
  assert.ok(!members.adopt("b", 5));
  members.assign(["a", "b"]);
  assert.deepEqual([members.get("a"), members.get("b")], [5, 0]);
});
