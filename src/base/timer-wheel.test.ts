import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { TICK_MS, TimerWheel } from "./timer-wheel.ts";

const HANDLES = 6;
/** A deadline is met at most this late, when `advance` is called in time. */
const LATE_MS = 2 * TICK_MS;

/** Deadlines in a plain map: what the wheel must agree with. */
class NaiveTimers {
  readonly #due = new Map<number, number>();

  set(handle: number, nowMs: number, delayMs: number): void {
    this.#due.set(handle, nowMs + delayMs);
  }

  clear(handle: number): void {
    this.#due.delete(handle);
  }

  /** What may be told at `nowMs`: due by now; and what must be: due long enough. */
  at(nowMs: number): { may: Set<number>; must: Set<number> } {
    const entries = [...this.#due];
    return {
      may: new Set(entries.filter(([, at]) => at <= nowMs).map(([handle]) => handle)),
      must: new Set(entries.filter(([, at]) => at + LATE_MS <= nowMs).map(([handle]) => handle)),
    };
  }
}

const step = fc.oneof(
  fc.record({ do: fc.constant("set"), handle: fc.nat(HANDLES - 1), ms: fc.nat(200_000) }),
  fc.record({ do: fc.constant("set"), handle: fc.nat(HANDLES - 1), ms: fc.nat(300) }),
  fc.record({ do: fc.constant("clear"), handle: fc.nat(HANDLES - 1), ms: fc.constant(0) }),
  fc.record({ do: fc.constant("advance"), handle: fc.constant(0), ms: fc.nat(100_000) }),
  fc.record({ do: fc.constant("advance"), handle: fc.constant(0), ms: fc.nat(40) }),
);

test("any sequence of deadlines: none early, none more than two ticks late, each once", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), fc.nat(10 ** 7), (steps, startMs) => {
      const wheel = new TimerWheel(HANDLES, startMs);
      const naive = new NaiveTimers();
      let now = startMs;
      for (const { do: what, handle, ms } of steps) {
        if (what === "set") {
          wheel.set(handle, now, ms);
          naive.set(handle, now, ms);
        } else if (what === "clear") {
          wheel.clear(handle);
          naive.clear(handle);
        } else {
          now += ms;
          const told = new Set<number>();
          wheel.advance(now, (due) => {
            assert.ok(!told.has(due), "told once");
            told.add(due);
          });
          const { may, must } = naive.at(now);
          for (const due of told) assert.ok(may.has(due), `handle ${due} is early`);
          for (const due of must) assert.ok(told.has(due), `handle ${due} is late`);
          for (const due of told) naive.clear(due);
        }
      }
    }),
    { numRuns: 300 },
  );
});

test("a deadline set or cleared while others are told is obeyed", () => {
  const wheel = new TimerWheel(3, 0);
  wheel.set(0, 0, 10);
  wheel.set(1, 0, 10);
  const told: number[] = [];
  wheel.advance(1000, (due) => {
    told.push(due);
    wheel.clear(0);
    wheel.clear(1);
    wheel.set(2, 1000, 50);
  });
  assert.equal(told.length, 1);
  wheel.advance(2000, (due) => told.push(due));
  assert.deepEqual(told.slice(1), [2]);
});

test("a wait ends when something may be due, and after about a second at the latest", () => {
  const wheel = new TimerWheel(1, 0);
  assert.ok(wheel.waitMs(0) <= 1100);
  wheel.set(0, 0, 100);
  let now = 0;
  let due = -1;
  for (let turns = 0; due < 0 && turns < 10; turns++) {
    now += wheel.waitMs(now);
    wheel.advance(now, () => {
      due = now;
    });
  }
  assert.ok(due >= 100 && due <= 100 + LATE_MS, `told at ${due}`);
});

test("nothing is allocated for a deadline", () => {
  const wheel = new TimerWheel(1000, 0);
  const round = (from: number) => {
    for (let i = 0; i < 200_000; i++) wheel.set(i % 1000, from + i / 100, 60_000);
    wheel.advance(from + 2000, () => {});
  };
  for (let i = 0; i < 5; i++) round(i * 2000);
  const before = process.memoryUsage().heapUsed;
  for (let i = 5; i < 10; i++) round(i * 2000);
  assert.ok(process.memoryUsage().heapUsed - before < 4e6);
});
