import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventLog, describeEvent, type HealthEvent } from "./events.ts";

const event = (change: Partial<HealthEvent> = {}): HealthEvent => ({
  atMs: 0,
  backend: "web",
  server: "a",
  from: "up",
  to: "down",
  reason: "check",
  detail: "tcp check failed: connection refused, 3 in a row",
  durationMs: 12_345,
  fit: 2,
  servers: 3,
  ...change,
});

test("events as lines", () => {
  const up: Partial<HealthEvent> = { from: "down", to: "up", detail: "tcp check passed" };
  const backend: Partial<HealthEvent> = { server: "", from: "usable", to: "unusable", fit: 0 };
  const lines: [Partial<HealthEvent>, string][] = [
    [
      {},
      "Server web/a is DOWN: tcp check failed: connection refused, 3 in a row; 2 of 3 servers up",
    ],
    [up, "Server web/a is UP: tcp check passed, after 12.3 s down; 2 of 3 servers up"],
    [
      { ...up, to: "unknown", detail: "its time out is over", durationMs: 3_600_000 },
      "Server web/a may serve again: its time out is over, after 3600 s down; 2 of 3 servers up",
    ],
    [
      { from: "ready", to: "maint", detail: "an operator said: maint" },
      "Server web/a goes to MAINT: an operator said: maint; 2 of 3 servers up",
    ],
    [
      { ...backend, detail: "its last" },
      "Backend web has NO SERVER left: its last; 0 of 3 servers up",
    ],
    [
      { ...backend, from: "unusable", to: "usable", detail: "passed", fit: 1 },
      "Backend web has a server again after 12.3 s: passed; 1 of 3 servers up",
    ],
  ];
  for (const [change, line] of lines) assert.equal(describeEvent(event(change)), line);
});

test("the log keeps the last events, oldest first, and tells subscribers until they leave", () => {
  const log = createEventLog(3);
  const heard: number[] = [];
  const leave = log.subscribe(({ atMs }) => heard.push(atMs));
  for (let atMs = 1; atMs <= 5; atMs++) {
    if (atMs === 5) leave();
    log.push(event({ atMs }));
    assert.equal(log.recent().length, Math.min(3, atMs));
  }
  assert.deepEqual(heard, [1, 2, 3, 4]);
  assert.deepEqual(
    log.recent().map(({ atMs }) => atMs),
    [3, 4, 5],
  );
});
