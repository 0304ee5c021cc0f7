import assert from "node:assert/strict";
import { test } from "node:test";
import { actionFor, SIGNALS } from "./signals.ts";

test("every signal means what the conventions say, first and while stopping", () => {
  const table = SIGNALS.map((s) => [s, actionFor(s, false), actionFor(s, true)]);
  assert.deepEqual(table, [
    ["SIGHUP", "reload", undefined],
    ["SIGUSR2", "reload", undefined],
    ["SIGTERM", "graceful", "now"],
    ["SIGQUIT", "graceful", undefined],
    ["SIGUSR1", "graceful", undefined],
    ["SIGINT", "quick", "now"],
  ]);
});
