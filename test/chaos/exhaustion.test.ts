/**
 * Descriptors, receive buffers, memory for bodies: where they run out, new work is refused or
 * waits, old work goes on, nothing spins, it is said once, and all is well again when the load
 * goes.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { unusable } from "#kit/drivers.ts";
import { metric, openFdsOf, rests, rssBytes } from "#kit/measure.ts";
import { killNow } from "#kit/processes.ts";
import { askOnce, RawClient } from "#kit/raw-client.ts";
import { Recorder, type Respond } from "#kit/recorder.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

const DESCRIPTORS = 700;
const CROWD = 900;
const DRIVERS = (["io_uring", "epoll"] as const).filter((name) => !unusable(name));

const GET = (target: string): string => `GET ${target} HTTP/1.1\r\nHost: a.example\r\n\r\n`;

async function world(
  t: TestContext,
  engine: string,
  respond?: Respond,
): Promise<{ weir: Weir; server: Recorder }> {
  const server = new Recorder(respond);
  const port = await server.start();
  t.after(() => server.stop());
  const weir = await startWeir(
    t,
    (g) => `
engine: { ${engine} }
log: none
frontends:
  web: { bind: "127.0.0.1:${g.port("web")}", default: app }
backends:
  app: { servers: { a: "127.0.0.1:${port}" } }
`,
  );
  return { weir, server };
}

/** Clients that are connected and, as far as they were not refused, stay so. */
async function crowd(t: TestContext, weir: Weir, count: number): Promise<RawClient[]> {
  const made = Array.from({ length: count }, () => RawClient.connect(t, weir.port()));
  const results = await Promise.allSettled(made);
  return results.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
}

const isServed = async (t: TestContext, weir: Weir, target: string): Promise<boolean> => {
  try {
    return (await askOnce(t, weir.port(), target)).body === `GET ${target}\n`;
  } catch {
    return false;
  }
};

for (const driver of DRIVERS) {
  test(`descriptors run out: connections are refused, others go on (${driver})`, async (t) => {
    const { weir } = await world(t, `threads: 2, driver: ${driver}`);
    // What starts engines gets the limit, and the next engine inherits it.
    const limit = `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`;
    const set = spawnSync("prlimit", ["--pid", String(weir.pid), limit]);
    if (set.error) return t.skip("prlimit is not there");
    await killNow(await weir.enginePid());
    const old = await RawClient.connect(t, weir.port());
    old.send(GET("/old/1"));
    assert.equal((await old.answers(1))[0]?.body, "GET /old/1\n");
    const pid = await weir.enginePid();

    const clients = await crowd(t, weir, CROWD);
    await until(
      "some are refused",
      async () => (await metric(weir, "weir_worker_no_slots_total")) > 0,
    );
    await weir.said(/No socket is free/);
    const share = await rests(pid);
    const descriptors = openFdsOf(pid);
    old.text = "";
    old.send(GET("/old/2"));
    assert.equal((await old.answers(1))[0]?.body, "GET /old/2\n", "who was there is served");
    assert.equal((await weir.cli("reload")).code, 0, "the engine has descriptors of its own");
    const refused = clients.filter(({ ended }) => ended !== "open").length;
    t.diagnostic(
      `${refused} of ${CROWD} refused, ${descriptors} of ${DESCRIPTORS} descriptors, ` +
        `${Math.round(share * 100)} % of a processor`,
    );
    assert.ok(refused > 0 && refused < CROWD);
    for (const client of clients) client.destroy();
    await until("it is well again", () => isServed(t, weir, "/after"));
    assert.equal(await weir.enginePid(), pid, "the engine lives on");
    assert.equal(weir.err.match(/No socket is free/g)?.length, 1, "it is said once");
  });

  test(`requests sent ahead do not take the buffers of others (${driver})`, async (t) => {
    const waiting: (() => void)[] = [];
    const { weir } = await world(t, `threads: 1, driver: ${driver}`, ({ head }, socket) => {
      const answer = `HTTP/1.1 200 OK\r\nContent-Length: ${head.target.length + 5}\r\n\r\n`;
      const say = (): void => void socket.write(`${answer}GET ${head.target}\n`);
      if (head.target.startsWith("/slow")) waiting.push(say);
      else say();
      return undefined;
    });
    // A worker has 1024 buffers.
    const clients = await crowd(t, weir, 1300);
    for (const [i, client] of clients.entries()) client.send(GET(`/slow/${i}`));
    await until("all wait for the server", () => waiting.length === clients.length);
    for (const [i, client] of clients.entries()) client.send(GET(`/ahead/${i}`));
    await sleep(300);
    assert.ok(await isServed(t, weir, "/other"), "somebody else is served meanwhile");
    await rests(await weir.enginePid());
    for (const say of waiting) say();
    await Promise.all(
      clients.map(async (client, i) => {
        const bodies = (await client.answers(2)).map(({ body }) => body);
        assert.deepEqual(bodies, [`GET /slow/${i}\n`, `GET /ahead/${i}\n`]);
        client.destroy();
      }),
    );
  });

  test(`the least memory, with many bodies under way (${driver})`, async (t) => {
    const big = "x".repeat(2_000_000);
    const { weir } = await world(t, `threads: 1, memory: 4m, driver: ${driver}`, ({ head }) => {
      const body = head.target.startsWith("/big") ? big : `${head.method} ${head.target}\n`;
      // Chunks, so that the kernel cannot move them by itself.
      return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    });
    const pid = await weir.enginePid();
    assert.ok(await isServed(t, weir, "/before"));
    const before = rssBytes(pid);
    const clients = await crowd(t, weir, 400);
    for (const [i, client] of clients.entries()) {
      if (i % 2) client.send(GET(`/big/${i}`));
      else
        client.send(
          `POST /up HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${big.slice(0, 50_000)}`,
        );
      if (i % 2) client.socket.pause();
    }
    await sleep(1500);
    const during = rssBytes(pid);
    const share = await rests(pid);
    const other = await RawClient.connect(t, weir.port());
    other.send(GET("/other"));
    await other.answers(1);
    const shortages = await metric(weir, "weir_worker_no_pages_total");
    assert.equal(await weir.enginePid(), pid);
    const answered = clients.filter(({ text }) => /^HTTP\/1\.1 503 /.test(text)).length;
    t.diagnostic(
      `no memory ${shortages} times, ${answered} answered 503, others ${other.text.slice(9, 12)}, ` +
        `${Math.round((during - before) / 1e6)} MB more than before, ${Math.round(share * 100)} % of a processor`,
    );
    assert.ok(during - before < 64e6);
    for (const client of clients) client.destroy();
    await until("it is well again", () => isServed(t, weir, "/after"));
    assert.doesNotMatch(weir.err, / died/);
  });
}

test("more clients than engine.maxConnections wait until others leave", async (t) => {
  const { weir } = await world(t, "threads: 1, maxConnections: 50");
  const clients = await crowd(t, weir, 80);
  for (const client of clients) client.send(GET("/"));
  const served = (): number => clients.filter((c) => c.text !== "").length;
  await until("50 are served", () => served() === 50);
  await sleep(300);
  assert.equal(served(), 50);
  for (const client of clients) if (client.text !== "") client.destroy();
  await until("the rest are served", () => served() === 80);
  assert.ok(clients.every((client) => client.ended !== "reset"));
  for (const client of clients) client.destroy();
  await until("it is well again", () => isServed(t, weir, "/after"));
});
