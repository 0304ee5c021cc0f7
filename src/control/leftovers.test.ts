import assert from "node:assert/strict";
import { test } from "node:test";
import { leftovers } from "./leftovers.ts";

const infos: Record<number, string> = {
  5: "pos:\t0\nflags:\t02\ntfd:       12 events: 19 data: 1\ntfd:        7 events: 19 data: 2\n",
  6: "pos:\t0\neventfd-count: 0\n",
};
const read = (fd: number): string => {
  if (!infos[fd]) throw new Error("EBADF");
  return infos[fd];
};

test("what it held and what its epoll set knows, but nothing that is shared", () => {
  assert.deepEqual(leftovers([5, 6], new Set([7]), read), [12, 5, 6]);
  assert.deepEqual(leftovers([6, 99], new Set(), read), [6, 99]);
  assert.deepEqual(leftovers([], new Set(), read), []);
});
