import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { systemClock, systemTimers } from "./clock.ts";

test("the monotonic clock does not go back, the wall clock is about now", () => {
  const before = systemClock.monotonicMs();
  assert.ok(systemClock.monotonicMs() >= before);
  assert.ok(systemClock.wallMs() > Date.UTC(2025, 0));
});

test("a timer fires once and a cancelled one never", async () => {
  const fired: string[] = [];
  const cancel = systemTimers.after(0, () => fired.push("cancelled"));
  cancel();
  cancel();
  await new Promise<void>((resolve) => systemTimers.after(1, resolve));
  assert.deepEqual(fired, []);
});

test("a delay longer than Node's longest does not fire early", (t) => {
  const delays: number[] = [];
  const original = globalThis.setTimeout;
  mock.method(globalThis, "setTimeout", (fn: () => void, ms: number) => {
    delays.push(ms);
    return original(fn, 1e6);
  });
  t.after(() => mock.restoreAll());
  systemTimers.after(40 * 24 * 3600e3, () => {})();
  assert.deepEqual(delays, [0x7fff_ffff]);
});
