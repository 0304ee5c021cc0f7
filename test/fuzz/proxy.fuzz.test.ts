/**
 * Damaged requests and damaged answers through a real weir for a while, with every feature switched
 * on. Whatever comes, it lives, nothing malformed reaches a server, others get their own answers,
 * every line of the log is one, and nothing is left over. WEIR_FUZZ_SEED repeats the inputs,
 * WEIR_FUZZ_MS makes it longer.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { createRandom, type Random } from "#base/clock.ts";
import { Bystanders } from "#kit/bystanders.ts";
import { unusable } from "#kit/drivers.ts";
import { below, damage } from "#kit/http/damage.ts";
import { REQUESTS, RESPONSES } from "#kit/http/samples.ts";
import { metric } from "#kit/measure.ts";
import { RawClient } from "#kit/raw-client.ts";
import { type Recorded, Recorder } from "#kit/recorder.ts";
import { until } from "#kit/until.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

const FOR_MS = Number(process.env["WEIR_FUZZ_MS"] ?? 4000);
const SEED = Number(process.env["WEIR_FUZZ_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const LANES = 8;
/** Inputs of the past that a failure shows. */
const KEPT = 20;

const CHUNKS = "5;a=b\r\nhello\r\n2\r\n, \r\n0\r\nX-Sum: 1\r\n\r\n";

/** A body for a head, as it says it has one. */
function withBody(head: string): string {
  const length = /^content-length: (\d{1,3})\r$/im.exec(head);
  if (length) return head + "b".repeat(Number(length[1]));
  return /^transfer-encoding: chunked\r$/im.test(head) ? head + CHUNKS : head;
}

const ASKS = REQUESTS.map(withBody);
const ANSWERS = RESPONSES.map(withBody);

const pick = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)]!;

function damaged(random: Random, list: readonly string[]): string {
  let text = pick(random, list);
  for (let times = below(random, 4); times > 0; times--) {
    text = damage(random, text, pick(random, list));
  }
  return text;
}

const configOf = (web: number, server: number, driver: string, directory: string): string => `
engine: { threads: 1, driver: ${driver} }
log: { format: json, target: ${join(directory, "access.log")} }
frontends:
  web:
    bind: "127.0.0.1:${web}"
    timeouts: { request: 500ms, client: 500ms, keepAlive: 500ms }
    maxBody: 64k
    forwarded: { xForwardedHost: true, forwarded: true, via: weir, trusted: 127.0.0.0/8 }
    rules:
      - { when: { pathPrefix: /a }, rewritePath: { prefix: { from: /a, to: /b } } }
      - { when: { cookie: { name: a, present: true } }, setHeader: { X-Cookie: "yes" } }
      - { when: { pathRegex: "^/form" }, setResponseHeader: { X-Form: "yes" }, deleteHeader: Accept }
      - { when: { path: /old }, redirect: { to: /new } }
      - { when: { header: { name: X-Deny, present: true } }, deny: 403 }
    default: app
backends:
  app:
    balance: { type: uri, whole: true }
    cookie: { name: WEIR }
    retries: 1
    retryOn: [connect, empty, 502]
    reuse: always
    idle: { timeout: 300ms }
    timeouts: { server: 500ms, tunnel: 500ms }
    servers: { a: "127.0.0.1:${server}", b: "127.0.0.1:${server}" }
`;

/** Sends damaged requests on one connection, cut anywhere, and leaves as clients do. */
async function attack(t: TestContext, weir: Weir, random: Random, recent: string[]): Promise<void> {
  const client = await RawClient.connect(t, weir.port());
  let bytes = "";
  for (let n = below(random, 3); n >= 0; n--) bytes += damaged(random, ASKS);
  recent.push(bytes);
  if (recent.length > KEPT) recent.shift();
  if (below(random, 2)) client.send(bytes);
  else await client.drip(bytes, 1 + below(random, 40));
  const way = below(random, 4);
  if (way === 0) client.socket.resetAndDestroy();
  else if (way === 1) client.socket.end();
  if (way > 0) await new Promise((resolve) => setTimeout(resolve, below(random, 8)));
  assert.match(client.text, /^$|^HTTP\/1\.1 [1-5]\d\d /);
  client.destroy();
}

for (const driver of ["io_uring", "epoll"] as const) {
  test(`a weir under damaged messages (${driver})`, { skip: unusable(driver) }, async (t) => {
    t.diagnostic(`WEIR_FUZZ_SEED=${SEED}`);
    const random = createRandom(SEED);
    const answers = createRandom(SEED + 1);
    const recent: string[] = [];
    const answer = ({ head }: Recorded): string => {
      if (/^\/own\//.test(head.target)) {
        const body = `${head.method} ${head.target}\n`;
        return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      }
      return damaged(answers, ANSWERS);
    };
    const server = new Recorder(answer);
    const port = await server.start();
    t.after(() => server.stop());
    const weir = await startWeir(t, (g) => configOf(g.port("web"), port, driver, g.directory));
    const pid = await weir.enginePid();
    const bystanders = new Bystanders(t, weir.port());
    const endMs = performance.now() + FOR_MS / 2;
    let attacks = 0;
    const lane = async (): Promise<void> => {
      for (; performance.now() < endMs; attacks++) await attack(t, weir, random, recent);
    };
    try {
      await Promise.all(Array.from({ length: LANES }, lane));
      const { answers: good, failures } = await bystanders.stop();
      assert.deepEqual(server.faults, []);
      assert.deepEqual(failures, []);
      assert.doesNotMatch(weir.err, / died/);
      assert.equal(await weir.enginePid(), pid);
      for (const name of ["weir_worker_connections", "weir_worker_upstream_connections"]) {
        await until(`${name} is 0`, async () => (await metric(weir, name)) === 0);
      }
      for (const name of ["weir_backend_active_requests", "weir_backend_queued_requests"]) {
        assert.equal(await metric(weir, name), 0, name);
      }
      t.diagnostic(`${attacks} connections, ${server.requests.length} requests, ${good} of others`);
      assert.ok(attacks > 0 && good > 0);
      await weir.stop();
      const log = readFileSync(join(weir.directory, "access.log"), "utf8").trimEnd().split("\n");
      for (const line of log) JSON.parse(line);
      assert.ok(log.length > 0);
    } catch (error) {
      console.error(`WEIR_FUZZ_SEED=${SEED}, the last inputs: ${JSON.stringify(recent)}`);
      throw error;
    }
  });
}
