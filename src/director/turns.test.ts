import assert from "node:assert/strict";
import { test } from "node:test";
import { Turns } from "./turns.ts";

test("all have their turn, again and again", () => {
  const turns = new Turns<string>();
  const all = ["a", "b", "c", "d", "e"];
  const taken = Array.from({ length: 6 }, () => turns.take(all, 2).join(""));
  assert.deepEqual(taken, ["ab", "cd", "e", "ab", "cd", "e"]);
});

test("who comes and goes changes nobody's place", () => {
  const turns = new Turns<string>();
  assert.deepEqual(turns.take(["a", "b", "c"], 2), ["a", "b"]);
  assert.deepEqual(turns.take(["b", "c", "d"], 2), ["c", "d"]);
  assert.deepEqual(turns.take(["b", "c", "d"], 2), ["b", "c"]);
  assert.deepEqual(turns.take([], 2), []);
  assert.deepEqual(turns.take(["a"], 2), ["a"]);
});
