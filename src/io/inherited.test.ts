import assert from "node:assert/strict";
import { test } from "node:test";
import { inheritedFds } from "./inherited.ts";

test("descriptors count from 3 and take their names in order", () => {
  const env = { LISTEN_PID: "7", LISTEN_FDS: "3", LISTEN_FDNAMES: "web:admin" };
  assert.deepEqual(inheritedFds(env, 7), [
    { fd: 3, name: "web" },
    { fd: 4, name: "admin" },
    { fd: 5, name: "unknown" },
  ]);
});

test("another process's, none and nonsense are nothing", () => {
  assert.deepEqual(inheritedFds({ LISTEN_PID: "8", LISTEN_FDS: "1" }, 7), []);
  assert.deepEqual(inheritedFds({}, 7), []);
  assert.deepEqual(inheritedFds({ LISTEN_PID: "7", LISTEN_FDS: "x" }, 7), []);
  assert.deepEqual(inheritedFds({ LISTEN_PID: "7", LISTEN_FDS: "-1" }, 7), []);
});
