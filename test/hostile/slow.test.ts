/**
 * Clients that take their time: each is ended by its deadline, the one that does nothing and the
 * one that does a little now and then, while others are served as ever.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { type TestContext, test } from "node:test";
import { Bystanders } from "#kit/bystanders.ts";
import { unusable } from "#kit/drivers.ts";
import { RawClient } from "#kit/raw-client.ts";
import { Recorder } from "#kit/recorder.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

/** All deadlines of the configuration below. */
const DEADLINE_MS = 1000;
/** Later than this is not in time, however busy the machine. */
const LATE_MS = 15_000;
const SLOWLORIS = 300;

const POST = "POST /slow HTTP/1.1\r\nHost: slow.example\r\n";
const BIG = "x".repeat(16 * 1024 * 1024);

/** What it does, a little at a time until it is ended, and the answer it may get. */
interface Slow {
  readonly name: string;
  readonly first: string;
  /** Sent every 50 ms, for ever. */
  readonly drop?: string;
  readonly mute?: boolean;
  readonly answer: RegExp;
}

const CLIENTS: readonly Slow[] = [
  { name: "nothing after connecting", first: "", answer: /^$/ },
  { name: "part of a line, then nothing", first: "GET / HT", answer: /^HTTP\/1.1 408 / },
  {
    name: "a head, drop by drop",
    first: "GET / HTTP/1.1\r\nX: ",
    drop: "y",
    answer: /^HTTP\/1.1 408 /,
  },
  {
    name: "fields, drop by drop",
    first: "GET / HTTP/1.1\r\n",
    drop: "X: y\r\n",
    answer: /^HTTP\/1.1 408 /,
  },
  { name: "a kept connection", first: "GET /a HTTP/1.1\r\nHost: a\r\n\r\n", answer: /GET \/a\n$/ },
  {
    name: "a second head, drop by drop",
    first: "GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET",
    drop: "T",
    answer: /GET \/a\nHTTP\/1.1 (408|501) /,
  },
  { name: "no body", first: `${POST}Content-Length: 9999\r\n\r\n`, answer: /^HTTP\/1.1 408 / },
  {
    name: "a body, drop by drop",
    first: `${POST}Content-Length: 99999\r\n\r\n`,
    drop: "x",
    answer: /^HTTP\/1.1 408 /,
  },
  {
    name: "chunks, drop by drop",
    first: `${POST}Transfer-Encoding: chunked\r\n\r\n`,
    drop: "1\r\nx\r\n",
    answer: /^HTTP\/1.1 408 /,
  },
  {
    name: "extensions, drop by drop",
    first: `${POST}Transfer-Encoding: chunked\r\n\r\n1`,
    drop: ";x",
    answer: /^HTTP\/1.1 408 /,
  },
  {
    name: "trailers, drop by drop",
    first: `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n`,
    drop: "X: y\r\n",
    answer: /^HTTP\/1.1 408 /,
  },
  {
    name: "reading nothing",
    first: "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
    mute: true,
    // The reset that says so may take what was not read with it.
    answer: /^$|^HTTP\/1.1 200 /,
  },
];

async function world(t: TestContext, driver: string): Promise<{ weir: Weir; server: Recorder }> {
  const server = new Recorder(({ head }) => {
    const body = head.target === "/big" ? BIG : `${head.method} ${head.target}\n`;
    return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  });
  const port = await server.start();
  t.after(() => server.stop());
  const weir = await startWeir(
    t,
    (g) => `
engine: { threads: 1, driver: ${driver} }
log: none
frontends:
  web:
    bind: "127.0.0.1:${g.port("web")}"
    timeouts: { request: ${DEADLINE_MS}ms, keepAlive: ${DEADLINE_MS}ms, client: ${DEADLINE_MS}ms }
    default: app
backends:
  app: { servers: { a: "127.0.0.1:${port}" } }
`,
  );
  return { weir, server };
}

/** Does what it does until it is ended; how long that took. */
async function play(t: TestContext, weir: Weir, slow: Slow): Promise<number> {
  const client = await RawClient.connect(t, weir.port());
  const port = client.socket.localPort!;
  if (slow.mute) client.socket.pause();
  client.send(slow.first);
  const beganMs = performance.now();
  const timer = setInterval(() => client.send(slow.drop ?? ""), 50);
  const ended = async (): Promise<void> => {
    if (!slow.mute) return client.closed();
    // One who does not read does not see the end either: ask the balancer.
    await until("its connection ends", () => !isOpen(weir.port(), port));
    client.socket.resume();
    await client.closed();
  };
  await ended().finally(() => clearInterval(timer));
  const tookMs = performance.now() - beganMs;
  assert.match(client.text, slow.answer);
  if (slow.mute) assert.ok(client.text.length < BIG.length);
  client.destroy();
  return tookMs;
}

/** The kernel has an established connection from one port of IPv4 to the other. */
function isOpen(from: number, to: number): boolean {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const row = new RegExp(`:${hex(from)} [0-9A-F]{8}:${hex(to)} 01 `);
  return row.test(readFileSync("/proc/net/tcp", "latin1"));
}

for (const driver of ["io_uring", "epoll"] as const) {
  test(`slow clients are ended in time, ${driver}`, {
    skip: unusable(driver),
    concurrency: true,
  }, async (t) => {
    const { weir, server } = await world(t, driver);
    const bystanders = new Bystanders(t, weir.port());
    const others = CLIENTS.filter(({ mute }) => !mute);
    const one = async (slow: Slow): Promise<void> => {
      await t.test(slow.name, async () => {
        const tookMs = await play(t, weir, slow);
        t.diagnostic(`${slow.name}: ended after ${Math.round(tookMs)} ms of ${DEADLINE_MS}`);
        assert.ok(tookMs < LATE_MS, `${tookMs} ms`);
      });
    };
    await Promise.all(others.map(one));
    for (const slow of CLIENTS.filter(({ mute }) => mute)) await one(slow);

    const { answers, failures, slowestMs } = await bystanders.stop();
    t.diagnostic(`bystanders: ${answers} answers, the slowest after ${Math.round(slowestMs)} ms`);
    assert.deepEqual(failures, []);
    assert.ok(answers > 0);
    assert.deepEqual(server.faults, []);
    assert.doesNotMatch(weir.err, / died/);
  });
}

test(`${SLOWLORIS} heads, drop by drop, harm nobody`, async (t) => {
  const { weir, server } = await world(t, "auto");
  const slow = await Promise.all(
    Array.from({ length: SLOWLORIS }, () => RawClient.connect(t, weir.port())),
  );
  const bystanders = new Bystanders(t, weir.port());
  const drop = setInterval(() => slow.forEach((client) => void client.send("X: y\r\n")), 100);
  slow.forEach((client) => void client.send("GET / HTTP/1.1\r\n"));
  try {
    await Promise.all(slow.map((client) => client.closed()));
  } finally {
    clearInterval(drop);
  }
  const { answers, failures, slowestMs } = await bystanders.stop();
  t.diagnostic(`${answers} answers meanwhile, the slowest after ${Math.round(slowestMs)} ms`);
  assert.deepEqual(failures, []);
  assert.ok(answers > 0);
  assert.ok(slow.every(({ text }) => text.startsWith("HTTP/1.1 408 ")));
  assert.ok(server.take().targets.every((target) => target.startsWith("GET /own/")));
});
