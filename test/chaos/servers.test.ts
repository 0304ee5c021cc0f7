/**
 * Servers that die, freeze and come back while requests go to them as fast as they can. Times are
 * measured and shown; what is asserted leaves room for a busy machine.
 * Targets: bench/faults.bench.ts.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Pressure } from "#kit/pressure.ts";
import { ServerProcess } from "#kit/server-process.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";
import type { StatusDocument } from "#monitor/document.ts";

const LATE_MS = 15_000;

async function world(
  t: TestContext,
  names: readonly string[],
  more = "",
): Promise<{ weir: Weir; servers: ServerProcess[] }> {
  const servers = await Promise.all(names.map((name) => ServerProcess.start(t, name)));
  const list = servers.map(({ name, port }) => `${name}: "127.0.0.1:${port}"`).join(", ");
  const weir = await startWeir(
    t,
    (g) => `
engine: { threads: 2 }
log: none
frontends:
  web: { bind: "127.0.0.1:${g.port("web")}", default: app }
backends:
  app:
    check: { type: http, interval: 500ms, fastInterval: 200ms, downInterval: 200ms, timeout: 400ms, rise: 1, fall: 2 }
    ${more}
    servers: { ${list} }
`,
  );
  await until("all servers are up", async () => (await states(weir)).every((s) => s === "up"));
  return { weir, servers };
}

async function states(weir: Weir): Promise<string[]> {
  const status = (await weir.adminJson("/api/v1/status")) as StatusDocument;
  return status.backends[0]!.servers.map(({ state }) => state);
}

const round = (ms: number): string => `${Math.round(ms)} ms`;

test("a server is killed: of the requests begun afterwards none is lost", async (t) => {
  const { weir, servers } = await world(t, ["a", "b", "c"]);
  const pressure = new Pressure(t, weir.port(), { connections: 24 });
  await pressure.more(500);
  pressure.mark();
  await servers[0]!.kill();
  const deadMs = performance.now();
  await until("it is down", async () => (await states(weir))[0] === "down");
  const noticedMs = performance.now() - deadMs;
  await pressure.more(500);
  const gapMs = pressure.gapMs;

  const backMs = performance.now();
  await servers[0]!.start();
  await until("it is up again", async () => (await states(weir))[0] === "up");
  const upMs = performance.now() - backMs;
  await pressure.more(500);
  const { good, failures } = await pressure.stop();
  const lost = failures.filter(({ beganMs }) => beganMs > deadMs);
  t.diagnostic(
    `kill -9: ${good} good, ${lost.length} begun later lost, ${failures.length} in flight; ` +
      `noticed after ${round(noticedMs)}, longest gap ${round(gapMs)}, back after ${round(upMs)}`,
  );
  assert.deepEqual(lost, []);
  assert.ok(failures.length <= 24, "only what was on it");
  assert.ok(noticedMs < LATE_MS && upMs < LATE_MS);
});

test("a server is frozen: it is taken out, and what it had is sent elsewhere", async (t) => {
  const { weir, servers } = await world(
    t,
    ["a", "b", "c"],
    "timeouts: { server: 1s }\n    retryOn: [connect, empty, timeout]",
  );
  const pressure = new Pressure(t, weir.port(), { connections: 24 });
  await pressure.more(500);
  const frozenMs = performance.now();
  servers[0]!.freeze();
  await until("it is down", async () => (await states(weir))[0] === "down");
  const noticedMs = performance.now() - frozenMs;
  await pressure.more(1000);
  servers[0]!.thaw();
  await until("it is up again", async () => (await states(weir))[0] === "up");
  await pressure.more(500);
  const { good, failures, slowestMs } = await pressure.stop();
  t.diagnostic(
    `SIGSTOP: ${good} good, ${failures.length} failed; noticed after ${round(noticedMs)}, ` +
      `slowest answer ${round(slowestMs)}`,
  );
  assert.deepEqual(failures, []);
  assert.ok(noticedMs < LATE_MS && slowestMs < LATE_MS);
});

test("a frozen server without retries: its requests end with their time limit", async (t) => {
  const { weir, servers } = await world(
    t,
    ["a", "b"],
    "timeouts: { server: 700ms }\n    retries: 0",
  );
  const pressure = new Pressure(t, weir.port(), { connections: 8 });
  await pressure.more(300);
  servers[0]!.freeze();
  await until("it is down", async () => (await states(weir))[0] === "down");
  await until("its requests have ended", () => pressure.failures.length > 0);
  servers[0]!.thaw();
  const { failures } = await pressure.stop();
  const slowest = Math.max(...failures.map(({ tookMs }) => tookMs));
  t.diagnostic(`SIGSTOP, no retries: ${failures.length} failed, the last after ${round(slowest)}`);
  assert.ok(failures.every(({ how }) => how === "status 504"));
  assert.ok(slowest < LATE_MS);
});

test("all servers are killed: refused at once, served as soon as one is back", async (t) => {
  const { weir, servers } = await world(t, ["a", "b"]);
  await Promise.all(servers.map((server) => server.kill()));
  await until("all are down", async () => (await states(weir)).every((s) => s === "down"));
  const refused = new Pressure(t, weir.port(), { connections: 4 });
  await until("some are refused", () => refused.failures.length > 50);
  const { good, failures } = await refused.stop();
  const slowest = Math.max(...failures.map(({ tookMs }) => tookMs));
  assert.equal(good, 0);
  assert.ok(failures.every(({ how }) => how === "status 503"));

  const pressure = new Pressure(t, weir.port(), { connections: 4 });
  await servers[1]!.start();
  const backMs = performance.now();
  await pressure.more(1);
  const servedMs = performance.now() - backMs;
  await servers[0]!.start();
  await until("all are up", async () => (await states(weir)).every((s) => s === "up"));
  await pressure.more(300);
  await pressure.stop();
  t.diagnostic(
    `all down: 503 after at most ${round(slowest)}; served ${round(servedMs)} after one listened ` +
      "(checked every 200 ms)",
  );
  assert.ok(servedMs < LATE_MS && slowest < LATE_MS);
  assert.doesNotMatch(weir.err, / died/);
});
