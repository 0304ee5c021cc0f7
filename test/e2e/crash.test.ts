import assert from "node:assert/strict";
import { readdirSync, readlinkSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { startLoad } from "#kit/load.ts";
import { startOrigin } from "#kit/origin.ts";
import { gone, killNow } from "#kit/processes.ts";
import { until } from "#kit/until.ts";
import { startWeir } from "#kit/weir.ts";

const configOf = (web: number, origin: number, threads = 2): string => `
frontends:
  web: { bind: 127.0.0.1:${web}, default: app }
backends:
  app: { servers: { a: 127.0.0.1:${origin} } }
engine: { threads: ${threads} }
log: none
`;

/** Sockets that a process has open, as the kernel names them. */
const socketsOf = (pid: number): string[] =>
  readdirSync(`/proc/${pid}/fd`)
    .map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return "";
      }
    })
    .filter((link) => link.startsWith("socket:"));

const statusOf = (port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent: false }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    }).on("error", reject);
  });

test("a killed engine is replaced; connections made meanwhile are served, no socket is lost", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  assert.equal(await statusOf(weir.port()), 200);
  const before = socketsOf(weir.pid);
  const counted = async (): Promise<number> => {
    const { text } = await weir.admin("/metrics");
    return Number(/^weir_frontend_requests_total\{[^}]*\} (\d+)/m.exec(text)?.[1] ?? Number.NaN);
  };
  assert.equal(await counted(), 1);
  for (let round = 1; round <= 2; round++) {
    const pid = await weir.enginePid();
    await killNow(pid);
    // The kernel takes connections while nobody is there to accept them.
    const during = await Promise.all(Array.from({ length: 20 }, () => statusOf(weir.port())));
    assert.deepEqual(new Set(during), new Set([200]));
    assert.notEqual(await weir.enginePid(), pid);
    assert.equal(await counted(), 1 + 20 * round, "counters live on");
  }
  const kept = before.filter((socket) => socketsOf(weir.pid).includes(socket));
  // But for the socket pair of the dead engine.
  assert.ok(
    before.length - kept.length <= 2,
    `${before.length} sockets before, ${kept.length} kept`,
  );
  assert.equal((await weir.stop()).code, 0);
});

test("what an operator said of a server outlives the engine", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  assert.equal((await weir.cli("server", "maint", "app/a")).code, 7, "it is the last one");
  assert.equal((await weir.cli("server", "maint", "app/a", "--force")).code, 0);
  assert.equal(await statusOf(weir.port()), 503);
  await killNow(await weir.enginePid());
  assert.equal(await statusOf(weir.port()), 503);
  assert.equal((await weir.cli("reload")).code, 0);
  assert.equal(await statusOf(weir.port()), 503);
  assert.equal((await weir.cli("server", "ready", "app/a")).code, 0);
  await until("it serves again", async () => (await statusOf(weir.port())) === 200);
});

test("gauges do not count what died with the engine", async (t) => {
  const origin = await startOrigin(t, () => {});
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port));
  const clients = Array.from({ length: 5 }, () => {
    const client = connect(weir.port(), "127.0.0.1");
    client.on("error", () => {});
    client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    return client;
  });
  t.after(() => {
    for (const client of clients) client.destroy();
  });
  const status = async () =>
    (await weir.adminJson("/api/v1/status")) as {
      traffic: { connections: number; inFlight: number };
    };
  await until("requests are seen", async () => (await status()).traffic.inFlight === 5);
  const closed = Promise.all(clients.map((c) => new Promise((resolve) => c.on("close", resolve))));
  await killNow(await weir.enginePid());
  await closed;
  await weir.said(/starting another/);
  const { traffic } = await status();
  assert.deepEqual([traffic.inFlight, traffic.connections], [0, 0]);
});

for (const driver of ["io_uring", "epoll"] as const) {
  test(`a worker that dies takes its own requests with it and no others (${driver})`, async (t) => {
    const origin = await startOrigin(t);
    const weir = await startWeir(
      t,
      (g) =>
        configOf(g.port("web"), origin.port).replace("threads: 2", `threads: 2, driver: ${driver}`),
      {
        env: {
          WEIR_WORKER: new URL("../kit/crashing-worker.ts", import.meta.url).href,
          WEIR_TEST_CRASH: `/tmp/weir-crash-${process.pid}-${driver}`,
        },
      },
    );
    const engine = await weir.enginePid();
    const load = startLoad(t, weir.port(), 16);
    await load.more(200);
    const open = readdirSync(`/proc/${engine}/fd`).length;
    for (let round = 1; round <= 3; round++) {
      writeFileSync(`/tmp/weir-crash-${process.pid}-${driver}`, "");
      await weir.said(/Worker \d died/, round);
      await load.more(500);
    }
    const { good, failures } = await load.stop();
    assert.ok(good > 1700);
    // What was on the dead worker's connections, at most one request each.
    assert.ok(failures.length <= 3 * 16, failures.join(", "));
    assert.equal(await weir.enginePid(), engine, "the engine lives on");
    const after = readdirSync(`/proc/${engine}/fd`).length;
    assert.ok(after <= open + 8, `${open} descriptors before, ${after} after`);
    await until("no request is under way", async () => {
      const status = await weir.adminJson("/api/v1/status");
      return (status as { traffic: { inFlight: number } }).traffic.inFlight === 0;
    });
    assert.equal((await weir.stop()).code, 0);
  });
}

test("without its supervisor an engine ends, and another weir can take the place", async (t) => {
  const origin = await startOrigin(t);
  const weir = await startWeir(t, (g) => configOf(g.port("web"), origin.port, 1));
  const engine = await weir.enginePid();
  process.kill(weir.pid, "SIGKILL");
  await weir.ended();
  await gone(engine);
  await weir.start();
  assert.equal(await statusOf(weir.port()), 200);
  assert.equal((await weir.stop()).code, 0);
});
