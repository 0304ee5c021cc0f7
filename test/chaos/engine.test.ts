/**
 * Workers and engines that die or are replaced while requests come as fast as they can. Times are
 * measured and shown; what is asserted leaves room for a busy machine.
 * Targets: bench/faults.bench.ts.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { unusable } from "#kit/drivers.ts";
import { startOrigin } from "#kit/origin.ts";
import { type Failure, Pressure } from "#kit/pressure.ts";
import { killNow } from "#kit/processes.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

const LATE_MS = 15_000;
const CONNECTIONS = 16;

const round = (ms: number): string => `${Math.round(ms)} ms`;

/** Failures that no client would have tried again by itself. */
const hard = (failures: readonly Failure[]): Failure[] => failures.filter((f) => !f.meeting);

async function world(t: TestContext, env = {}, engine = "threads: 2"): Promise<Weir> {
  const origin = await startOrigin(t);
  return startWeir(
    t,
    (g) => `
engine: { ${engine}, drain: 5s }
log: none
frontends:
  web: { bind: "127.0.0.1:${g.port("web")}", default: app }
backends:
  app: { servers: { a: "127.0.0.1:${origin.port}" } }
`,
    { env },
  );
}

for (const driver of ["io_uring", "epoll"] as const) {
  test(`a worker dies: only what was on it fails (${driver})`, {
    skip: unusable(driver),
  }, async (t) => {
    const crash = join("/tmp", `weir-chaos-${process.pid}-${driver}`);
    const worker = new URL("../kit/crashing-worker.ts", import.meta.url).href;
    const weir = await world(
      t,
      { WEIR_WORKER: worker, WEIR_TEST_CRASH: crash },
      `threads: 2, driver: ${driver}`,
    );
    const pressure = new Pressure(t, weir.port(), { connections: CONNECTIONS });
    await pressure.more(500);
    for (let time = 1; time <= 3; time++) {
      const before = pressure.failures.length;
      pressure.mark();
      writeFileSync(crash, "");
      await weir.said(/Worker \d died/, time);
      await pressure.more(500);
      const failed = pressure.failures.length - before;
      t.diagnostic(`${failed} of ${CONNECTIONS} failed, no answer for ${round(pressure.gapMs)}`);
      assert.ok(failed <= CONNECTIONS, `${failed} failures`);
      assert.ok(pressure.gapMs < LATE_MS);
    }
    await pressure.stop();
  });
}

test("a worker that is the only one dies: connections wait in the kernel", async (t) => {
  const crash = join("/tmp", `weir-chaos-${process.pid}-one`);
  const worker = new URL("../kit/crashing-worker.ts", import.meta.url).href;
  const weir = await world(t, { WEIR_WORKER: worker, WEIR_TEST_CRASH: crash }, "threads: 1");
  const pressure = new Pressure(t, weir.port(), { connections: CONNECTIONS });
  await pressure.more(500);
  pressure.mark();
  writeFileSync(crash, "");
  await weir.said(/Worker \d died/);
  await pressure.more(500);
  const { failures } = await pressure.stop();
  t.diagnostic(`${failures.length} failed, no answer for ${round(pressure.gapMs)}`);
  assert.ok(failures.length <= CONNECTIONS);
  assert.ok(failures.every(({ how }) => how === "closed"));
});

test("the engine is killed: no connection is refused", async (t) => {
  const weir = await world(t);
  const pressure = new Pressure(t, weir.port(), { connections: CONNECTIONS });
  await pressure.more(500);
  for (let time = 1; time <= 3; time++) {
    const before = pressure.failures.length;
    pressure.mark();
    await killNow(await weir.enginePid());
    await pressure.more(500);
    const failures = pressure.failures.slice(before);
    t.diagnostic(`${failures.length} failed, no answer for ${round(pressure.gapMs)}`);
    assert.ok(failures.length <= CONNECTIONS, "only what was on it");
    assert.ok(failures.every(({ how }) => how === "closed"));
    assert.ok(pressure.gapMs < LATE_MS);
  }
  await pressure.stop();
});

test("the engine is replaced by upgrades: nothing fails", async (t) => {
  const weir = await world(t);
  const kept = new Pressure(t, weir.port(), { connections: CONNECTIONS });
  const fresh = new Pressure(t, weir.port(), { connections: 4, requests: 1 });
  await kept.more(500);
  for (let time = 1; time <= 3; time++) {
    kept.mark();
    const { code, err } = await weir.cli("upgrade");
    assert.equal(code, 0, err);
    await kept.more(500);
    t.diagnostic(`no answer for ${round(kept.gapMs)}`);
    // Until the old engine is gone another upgrade would be refused.
    await weir.said(/engine \d+ took over/, time);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const results = [await kept.stop(), await fresh.stop()];
  const failures = results.flatMap((result) => result.failures);
  t.diagnostic(
    `${results[0]!.good} on kept connections, ${results[1]!.good} on fresh ones; ` +
      `${failures.length - hard(failures).length} met a close`,
  );
  assert.deepEqual(hard(failures), []);
  assert.ok(failures.length <= 10, `${failures.length} met a close`);
});

test("TERM under load: what was begun before is answered", async (t) => {
  const weir = await world(t);
  const pressure = new Pressure(t, weir.port(), { connections: CONNECTIONS });
  await pressure.more(500);
  const beganMs = performance.now();
  weir.signal("SIGTERM");
  const { code } = await weir.ended();
  const tookMs = performance.now() - beganMs;
  const { failures } = await pressure.stop();
  const begun = hard(failures).filter((failure) => failure.beganMs < beganMs);
  const met = failures.filter(({ meeting }) => meeting).length;
  t.diagnostic(`ended after ${round(tookMs)}; ${met} met a close`);
  assert.equal(code, 0);
  assert.deepEqual(begun, []);
  assert.ok(tookMs < LATE_MS);
});
