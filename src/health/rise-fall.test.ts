import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { nextIntervalMs, type RiseFall, step, UNKNOWN } from "./rise-fall.ts";

const rules = { rise: 2, fall: 3, interMs: 2000, fastInterMs: 500, downInterMs: 5000 };

const run = (results: readonly boolean[], r = rules): RiseFall =>
  results.reduce((now, ok) => step(now, r, ok), UNKNOWN);

/** The same from the whole history: the state is what the last long enough run of results says. */
function naive(results: readonly boolean[], r: typeof rules): string {
  let state = "unknown";
  for (let i = 0; i < results.length; i++) {
    const ok = results[i]!;
    if (state === "unknown") state = ok ? "up" : "down";
    const needed = ok ? r.rise : r.fall;
    const last = results.slice(Math.max(0, i + 1 - needed), i + 1);
    if (last.length === needed && last.every((x) => x === ok)) state = ok ? "up" : "down";
  }
  return state;
}

test("the first result decides alone, later ones need company", () => {
  assert.equal(run([]).state, "unknown");
  assert.equal(run([true]).state, "up");
  assert.equal(run([false]).state, "down");
  assert.equal(run([true, false, false]).state, "up");
  assert.equal(run([true, false, false, true, false, false]).state, "up");
  assert.equal(run([true, false, false, false]).state, "down");
  assert.equal(run([false, true]).state, "down");
  assert.equal(run([false, true, true]).state, "up");
});

test("any history of results gives the state that the naive twin finds", () => {
  const counts = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 60 }),
      counts,
      counts,
      (results, rise, fall) => {
        const r = { ...rules, rise, fall };
        const now = run(results, r);
        assert.equal(now.state, naive(results, r));
        assert.ok(now.against < (now.state === "up" ? fall : rise));
      },
    ),
  );
});

test("checks are fast in doubt, slow when surely down", () => {
  assert.equal(nextIntervalMs(run([]), rules), 500);
  assert.equal(nextIntervalMs(run([true]), rules), 2000);
  assert.equal(nextIntervalMs(run([true, false]), rules), 500);
  assert.equal(nextIntervalMs(run([false]), rules), 5000);
  assert.equal(nextIntervalMs(run([false, true]), rules), 500);
});
