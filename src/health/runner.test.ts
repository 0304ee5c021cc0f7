import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRandom } from "#base/clock.ts";
import { inet, testCheck } from "#kit/health-plan.ts";
import { CHECK_MS, FAIL, PASS } from "#kit/health-world.ts";
import { SimClock } from "#kit/sim-clock.ts";
import type { CheckPlan } from "#plan/plan.ts";
import { type CheckResult, type CheckType, check } from "./check.ts";
import { UNKNOWN } from "./rise-fall.ts";
import { type CheckEnding, type ProbeSpec, Runner } from "./runner.ts";

const unused = (): never => {
  throw new Error("not for simulated checks");
};

/** A runner on a simulated clock whose checks answer what `answer` says. */
class Bench {
  readonly clock = new SimClock();
  readonly runner: Runner;
  readonly starts = new Map<string, number[]>();
  readonly endings: CheckEnding[] = [];
  answer: CheckResult | "silence" | "throw" | "at once" = PASS;
  under = 0;
  cancelled = 0;

  constructor(seed = 1) {
    const random = createRandom(seed);
    this.runner = new Runner({
      timers: this.clock,
      random,
      dial: unused,
      run: unused,
      datagram: unused,
      ping: unused,
    });
  }

  spec(key: string, change: Partial<CheckPlan> = {}, more: Partial<ProbeSpec> = {}): ProbeSpec {
    return {
      key,
      plan: testCheck(change),
      type: this.#type(key),
      initial: UNKNOWN,
      paused: false,
      target: () => ({ address: inet(1), backend: "web", server: key }),
      ended: (ending) => this.endings.push(ending),
      ...more,
    };
  }

  times(key: string): number[] {
    return this.starts.get(key) ?? [];
  }

  #type(key: string): CheckType {
    return check({
      name: "fake",
      summary: "",
      options: {},
      start: (_target, _options, { timers }, report) => {
        this.starts.set(key, [...this.times(key), timers.monotonicMs()]);
        if (this.answer === "throw") throw new Error("cannot begin");
        const result = typeof this.answer === "string" ? PASS : this.answer;
        if (this.answer === "at once") report(result);
        this.under++;
        const cancel =
          this.answer === "silence"
            ? () => {}
            : timers.after(CHECK_MS, () => {
                this.under--;
                report(result);
              });
        return () => {
          this.cancelled++;
          cancel();
        };
      },
    });
  }
}

test("intervals are counted from start to start: fast in doubt, usual when up, slow when down", () => {
  const bench = new Bench();
  bench.runner.apply([bench.spec("a")]);
  bench.clock.advance(4100);
  bench.answer = FAIL;
  bench.clock.advance(13_000);
  assert.deepEqual(bench.times("a"), [0, 2000, 4000, 6000, 6500, 7000, 12_000, 17_000]);
});

test("first checks are spread over the interval, not made all at once", () => {
  const bench = new Bench();
  bench.runner.apply(["a", "b", "c", "d"].map((key) => bench.spec(key)));
  bench.clock.advance(499);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => bench.times(key)[0]),
    [0, 125, 250, 375],
  );
});

test("jitter moves each check by its share of the interval and no more", () => {
  const bench = new Bench();
  bench.runner.apply([bench.spec("a", { jitter: 0.2, fastInterMs: 2000 })]);
  bench.clock.advance(200_000);
  const times = bench.times("a");
  const gaps = times.slice(1).map((time, i) => time - times[i]!);
  assert.ok(gaps.every((gap) => gap >= 1600 && gap <= 2400));
  assert.ok(new Set(gaps).size > gaps.length / 2);
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  assert.ok(Math.abs(mean - 2000) < 60, `no drift: ${mean}`);
});

test("one that never ends is ended for it, and counts as failed", () => {
  const bench = new Bench();
  bench.answer = "silence";
  bench.runner.apply([bench.spec("a", { timeoutMs: 700 })]);
  bench.clock.advance(2400);
  assert.equal(bench.endings[0]!.result.code, "L7TOUT");
  assert.equal(bench.cancelled, 1);
  assert.equal(bench.clock.pending, 1);
});

test("a result is taken once, even from a type that breaks its contract", () => {
  const bench = new Bench();
  bench.answer = "at once";
  bench.runner.apply([bench.spec("a")]);
  bench.clock.advance(1000);
  assert.equal(bench.endings.length, 1);
});

test("a check that cannot be made here says nothing about the server", () => {
  const bench = new Bench();
  bench.runner.apply([bench.spec("a", {}, { initial: { state: "up", against: 0 } })]);
  bench.answer = "throw";
  bench.clock.advance(60_000);
  assert.ok(bench.endings.length > 10);
  assert.ok(bench.endings.every(({ is }) => is.state === "up" && is.against === 0));
  assert.equal(bench.endings.at(-1)!.result.code, "SOCKERR");
});

test("without an address nobody is asked", () => {
  const bench = new Bench();
  let known = false;
  const target = () => (known ? { address: inet(1), backend: "web", server: "a" } : undefined);
  bench.runner.apply([bench.spec("a", {}, { target })]);
  bench.clock.advance(5000);
  assert.deepEqual(bench.times("a"), []);
  known = true;
  bench.runner.hurry("a");
  bench.clock.advance(0);
  assert.deepEqual(bench.times("a"), [5000]);
});

test("a changed check starts its new rhythm soon and keeps what it knows", () => {
  const bench = new Bench();
  bench.runner.apply([bench.spec("a", { interMs: 3_600_000 })]);
  bench.clock.advance(1000);
  bench.runner.apply([bench.spec("a", { interMs: 1000 })]);
  bench.clock.advance(1600);
  assert.ok(bench.times("a").length >= 2);
  assert.equal(bench.endings.at(-1)!.was.state, "up");
});

test("whatever is applied, paused and resumed: one check at a time, and nothing left after stop", () => {
  const action = fc.oneof(
    fc.record({ kind: fc.constant("advance" as const), ms: fc.integer({ min: 0, max: 3000 }) }),
    fc.record({
      kind: fc.constantFrom("pause", "resume", "hurry", "down", "up"),
      key: fc.constantFrom("a", "b"),
    }),
    fc.record({ kind: fc.constant("apply" as const), keys: fc.subarray(["a", "b", "c"]) }),
    fc.record({ kind: fc.constant("answer" as const), ok: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 40 }), fc.integer(), (actions, seed) => {
      const bench = new Bench(seed);
      for (const a of actions) {
        if (a.kind === "advance") bench.clock.advance(a.ms);
        else if (a.kind === "apply") bench.runner.apply(a.keys.map((key) => bench.spec(key)));
        else if (a.kind === "answer") bench.answer = a.ok ? PASS : FAIL;
        else if (a.kind === "pause") bench.runner.pause(a.key);
        else if (a.kind === "resume") bench.runner.resume(a.key);
        else if (a.kind === "hurry") bench.runner.hurry(a.key);
        else bench.runner.force(a.key, a.kind);
        // One wait a probe, or one check with its deadline and its own timer.
        assert.ok(bench.clock.pending <= 3 * 3);
      }
      bench.runner.stop();
      assert.equal(bench.clock.pending, 0);
      for (const times of bench.starts.values()) {
        for (let i = 1; i < times.length; i++) assert.ok(times[i]! >= times[i - 1]!);
      }
    }),
  );
});
