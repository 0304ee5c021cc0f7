import assert from "node:assert/strict";
import { test } from "node:test";
import { FormerRuns } from "./former-runs.ts";

const anything = (): boolean => true;

test("a run is had back once, by its service, for its backend", () => {
  const runs = new FormerRuns();
  const run = { base: 8, capacity: 8, backend: "old" };
  runs.add("web", run);
  assert.equal(runs.take("web", "new", anything), undefined);
  assert.equal(runs.take("mail", "old", anything), undefined);
  assert.equal(
    runs.take("web", "old", () => false),
    undefined,
  );
  assert.equal(runs.take("web", "old", anything), run);
  assert.equal(runs.take("web", "old", anything), undefined);
});

test("of several the last", () => {
  const runs = new FormerRuns();
  for (const base of [0, 16]) runs.add("web", { base, capacity: 8, backend: "old" });
  assert.equal(runs.take("web", "old", anything)?.base, 16);
});

test("what has no rows left is forgotten", () => {
  const runs = new FormerRuns();
  for (const base of [0, 16]) runs.add("web", { base, capacity: 8, backend: "old" });
  runs.keep(new Set([7]));
  assert.equal(runs.take("web", "old", anything)?.base, 0);
  assert.equal(runs.take("web", "old", anything), undefined);
});
