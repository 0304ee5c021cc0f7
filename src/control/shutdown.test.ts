import assert from "node:assert/strict";
import { test } from "node:test";
import { SimClock } from "#kit/sim-clock.ts";
import type { StopMode } from "./api.ts";
import { Shutdown } from "./shutdown.ts";

/** Workers that end when told, and what was done to them when. */
function world(mode: StopMode, { delayMs = 0, drainMs = 30_000 } = {}) {
  const timers = new SimClock();
  const done: string[] = [];
  const note = (what: string) => void done.push(`${timers.monotonicMs()}: ${what}`);
  let end: (cut: number) => void = () => {};
  let quiet = false;
  const workers = {
    drain(withinMs: number) {
      note(`drain ${withinMs}`);
      return new Promise<number>((resolve) => {
        end = resolve;
      });
    },
    stop: () => note("stop"),
    quiet: () => quiet,
  };
  const shutdown = new Shutdown(
    {
      timers,
      workers,
      closeSockets: () => note("sockets closed"),
      tell: (level, text) => note(`${level}: ${text}`),
    },
    { delayMs, drainMs },
    mode,
  );
  const ended = shutdown.run();
  /** What follows an awaited promise happens before the time that comes next. */
  const pass = async (ms: number): Promise<void> => {
    timers.advance(ms);
    await Promise.resolve();
  };
  return {
    done,
    shutdown,
    pass,
    beQuiet: () => {
      quiet = true;
    },
    end: async (cut: number) => {
      end(cut);
      await ended;
    },
  };
}

test("sockets are closed when no worker accepts, or after a second", async () => {
  const obedient = world("graceful");
  await obedient.pass(95);
  obedient.beQuiet();
  await obedient.pass(1000);
  assert.deepEqual(obedient.done, ["0: drain 30000", "100: sockets closed"]);
  const slow = world("graceful");
  await slow.pass(2000);
  assert.deepEqual(slow.done, ["0: drain 30000", "1000: sockets closed"]);
});

test("the drain begins after the delay", async () => {
  const { done, pass, beQuiet, end } = world("graceful", { delayMs: 5000 });
  beQuiet();
  await pass(4999);
  const [announced] = done;
  assert.equal(
    announced,
    "0: info: not ready any more; connections are still accepted for 5000 ms",
  );
  assert.equal(done.length, 1);
  await pass(1);
  await end(0);
  assert.deepEqual(done.slice(1), ["5000: drain 30000", "5000: sockets closed"]);
});

for (const [mode, limitMs] of [
  ["quick", 5000],
  ["now", 0],
] as const) {
  test(`${mode} knows no delay, and ends one`, async () => {
    const at = world(mode, { delayMs: 5000 });
    assert.deepEqual(at.done, [`0: drain ${limitMs}`]);
    const later = world("graceful", { delayMs: 5000 });
    later.beQuiet();
    await later.pass(1000);
    later.shutdown.hurry(mode, { delayMs: 5000, drainMs: 30_000 });
    await later.pass(0);
    await later.pass(10_000);
    assert.deepEqual(later.done.slice(1), [`1000: drain ${limitMs}`, "1000: sockets closed"]);
  });

  test(`${mode} shortens a drain`, async () => {
    const { done, shutdown, pass, beQuiet } = world("graceful");
    beQuiet();
    await pass(1000);
    shutdown.hurry(mode, { delayMs: 5000, drainMs: 30_000 });
    await pass(60_000);
    assert.equal(done.at(-1), `${1000 + limitMs}: stop`);
  });
}

test("another limit shortens a drain and leaves the delay", async () => {
  const { done, shutdown, pass, beQuiet } = world("graceful", { delayMs: 5000 });
  beQuiet();
  shutdown.hurry("graceful", { delayMs: 5000, drainMs: 40_000 });
  shutdown.hurry("graceful", { delayMs: 5000, drainMs: 20_000 });
  await pass(5000);
  shutdown.hurry("graceful", { delayMs: 5000, drainMs: 1000 });
  await pass(1000);
  assert.deepEqual(done.slice(1), ["5000: drain 20000", "5000: sockets closed", "6000: stop"]);
});

test("without a delay, one under way ends, and the limit stays", async () => {
  const { done, shutdown, pass } = world("graceful", { delayMs: 5000 });
  await pass(1000);
  shutdown.hurry("graceful", { delayMs: 0, drainMs: 30_000 });
  await pass(0);
  assert.equal(done[1], "1000: drain 30000");
});

test("what was cut is told with the time that was really waited", async () => {
  for (const [cut, words] of [
    [1, "1 request was"],
    [2, "2 requests were"],
  ] as const) {
    const { done, shutdown, pass, beQuiet, end } = world("graceful");
    beQuiet();
    await pass(1234);
    shutdown.hurry("now", { delayMs: 5000, drainMs: 30_000 });
    await end(cut);
    assert.equal(done.at(-1), `1234: warning: ${words} cut after 1234 ms`);
  }
});
