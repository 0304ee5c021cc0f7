/**
 * Odd requests that are right: what reaches the server is one clear message, says about the client
 * what the balancer saw, and carries nothing that was meant for the balancer alone.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { RawClient } from "#kit/raw-client.ts";
import { type Recorded, Recorder } from "#kit/recorder.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

interface Case {
  readonly name: string;
  readonly bytes: string;
  /** `METHOD target` as the server sees it. */
  readonly reaches: string;
  readonly body?: string;
  /** Fields that the server sees, and no other values of theirs. */
  readonly fields?: Readonly<Record<string, readonly string[]>>;
  /** Fields that it does not see. */
  readonly without?: readonly string[];
}

const GET = "GET /x HTTP/1.1\r\nHost: a.example\r\n";
const POST = "POST /x HTTP/1.1\r\nHost: a.example\r\n";

const same = (name: string, head: string, without: readonly string[]): Case => ({
  name,
  bytes: `${head}\r\n`,
  reaches: "GET /x",
  without,
});

const FORGED = [
  "X-Forwarded-For: 10.9.9.9",
  "x-forwarded-for: 10.9.9.8, 10.9.9.7",
  "X-Forwarded-Proto: https",
  "X-Forwarded-Host: admin.example",
  "X-Forwarded-Port: 443",
  "X-Forwarded-Prefix: /admin",
  "X-Forwarded-Ssl: on",
  "X-Forwarded-User: root",
  "Forwarded: for=10.9.9.9;host=admin.example;proto=https",
  "X-Real-IP: 10.9.9.9",
  "X_Forwarded_For: 10.9.9.9",
  "X_Forwarded-Proto: https",
  "x_real_ip: 10.9.9.9",
  "X_Forwarded_Prefix: /admin",
].join("\r\n");

const CASES: readonly Case[] = [
  {
    name: "what strangers say about the client is replaced",
    bytes: `${GET}${FORGED}\r\n\r\n`,
    reaches: "GET /x",
    fields: { "x-forwarded-for": ["127.0.0.1"], "x-forwarded-proto": ["http"] },
    without: [
      "x-forwarded-host",
      "x-forwarded-port",
      "x-forwarded-prefix",
      "x-forwarded-ssl",
      "x-forwarded-user",
      "forwarded",
      "x-real-ip",
      "x_forwarded_for",
      "x_forwarded-proto",
      "x_real_ip",
      "x_forwarded_prefix",
    ],
  },
  same(
    "fields named in Connection",
    `${GET}Connection: X-Mine, close\r\nX-Mine: 1\r\nx-mine: 2\r\n`,
    ["x-mine", "connection"],
  ),
  same(
    "two Connection fields",
    `${GET}Connection: X-A\r\nConnection: ,X-B\r\nX-A: 1\r\nX-B: 2\r\n`,
    ["x-a", "x-b"],
  ),
  same(
    "hop-by-hop fields that nobody named",
    `${GET}Keep-Alive: 9\r\nProxy-Connection: x\r\nTE: trailers\r\nProxy-Authorization: x\r\n`,
    ["keep-alive", "proxy-connection", "te", "proxy-authorization"],
  ),
  same(
    "an upgrade to HTTP/2",
    `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n`,
    ["upgrade", "http2-settings"],
  ),
  same("an upgrade that Connection does not name", `${GET}Upgrade: websocket\r\n`, ["upgrade"]),
  same("framing under another name", `${GET}Content_Length: 5\r\nTransfer_Encoding: chunked\r\n`, [
    "content_length",
    "transfer_encoding",
  ]),
  same("Host under another spelling", `${GET}X: y\r\n`, ["HOST"]),
  same("an expectation without content", `${GET}Expect: 100-continue\r\n`, ["expect"]),
  same("Trailer without chunks", `${GET}Trailer: X-Sum\r\n`, ["trailer"]),
  same("an empty line first", `\r\n${GET}`, []),
  same("a value of obs-text", `${GET}X: \x80\xff\r\n`, []),
  same("many spaces around a value", `${GET}X: \t  y \t \r\n`, []),
  {
    name: "absolute form",
    bytes: "GET http://a.example/x?y HTTP/1.1\r\nHost: a.example\r\n\r\n",
    reaches: "GET /x?y",
    fields: { host: ["a.example"] },
  },
  {
    name: "absolute form in other case",
    bytes: "GET HTTP://A.Example:8080?y HTTP/1.1\r\nHost: a.example:8080\r\n\r\n",
    reaches: "GET /?y",
    fields: { host: ["A.Example:8080"] },
  },
  {
    name: "absolute form of HTTP/1.0 without Host",
    bytes: "GET http://a.example/x HTTP/1.0\r\n\r\n",
    reaches: "GET /x",
    fields: { host: ["a.example"] },
  },
  {
    name: "OPTIONS of the whole server",
    bytes: "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
    reaches: "OPTIONS *",
  },
  {
    name: "OPTIONS of the whole server, absolute",
    bytes: "OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n",
    reaches: "OPTIONS *",
  },
  {
    name: "chunks with extensions and forbidden trailers",
    bytes: `${POST}Transfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5;a=b;c="d;\\"e"\r\nhello\r\n0000;x\r\nX-Sum: 1\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\nHost: b\r\nX-Forwarded-For: 10.9.9.9\r\nAuthorization: x\r\nX_Forwarded_For: 1\r\n\r\n`,
    reaches: "POST /x",
    body: "hello",
    fields: { "transfer-encoding": ["chunked"] },
  },
  {
    name: "chunk sizes in capitals and with zeros",
    bytes: `${POST}Transfer-Encoding: CHUNKED\r\n\r\n00A\r\n0123456789\r\n000\r\n\r\n`,
    reaches: "POST /x",
    body: "0123456789",
  },
  {
    name: "a GET with a body that looks like a request",
    bytes: `GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: ${GET.length + 2}\r\n\r\n${GET}\r\n`,
    reaches: "GET /x",
    body: `${GET}\r\n`,
  },
];

async function withWeir(t: TestContext, more: string): Promise<{ weir: Weir; server: Recorder }> {
  const server = new Recorder();
  const port = await server.start();
  t.after(() => server.stop());
  const weir = await startWeir(
    t,
    (g) => `
log: none
frontends:
  web: { bind: "127.0.0.1:${g.port("web")}", default: app${more} }
backends:
  app: { servers: { a: "127.0.0.1:${port}" } }
`,
  );
  return { weir, server };
}

const valuesOf = ({ head }: Recorded, name: string): string[] =>
  head.fields.filter((f) => f.name.toLowerCase() === name).map((f) => f.value);

async function send(t: TestContext, weir: Weir, bytes: string): Promise<number> {
  const client = await RawClient.connect(t, weir.port());
  client.send(bytes);
  const [answer] = await client.answers(1);
  client.destroy();
  return answer?.head.status ?? 0;
}

test("what odd but right requests become", async (t) => {
  const { weir, server } = await withWeir(t, "");
  for (const { name, bytes, reaches, body = "", fields = {}, without = [] } of CASES) {
    await t.test(name, async () => {
      assert.equal(await send(t, weir, bytes), 200);
      const { targets, requests, faults } = server.take();
      assert.deepEqual(faults, []);
      assert.deepEqual(targets, [reaches]);
      const [request] = requests;
      assert.equal(request!.body, body);
      for (const [field, values] of Object.entries(fields)) {
        assert.deepEqual(valuesOf(request!, field), values, field);
      }
      for (const field of without) assert.deepEqual(valuesOf(request!, field), [], field);
      assert.deepEqual(valuesOf(request!, "x-forwarded-for"), ["127.0.0.1"]);
      assert.ok(request!.trailers.every((trailer) => trailer === "x-sum"));
    });
  }
});

test("a trusted proxy is believed, and added to", async (t) => {
  const { weir, server } = await withWeir(
    t,
    ", forwarded: { trusted: 127.0.0.0/8, xForwardedHost: true, forwarded: true }",
  );
  assert.equal(await send(t, weir, `${GET}${FORGED}\r\n\r\n`), 200);
  const [request] = server.take().requests;
  assert.deepEqual(valuesOf(request!, "x-forwarded-for"), [
    "10.9.9.9, 10.9.9.8, 10.9.9.7, 127.0.0.1",
  ]);
  assert.deepEqual(valuesOf(request!, "x-forwarded-proto"), ["https"]);
  assert.deepEqual(valuesOf(request!, "x-forwarded-host"), ["admin.example"]);
  assert.deepEqual(valuesOf(request!, "forwarded"), [
    "for=10.9.9.9;host=admin.example;proto=https, for=127.0.0.1;proto=http",
  ]);
  // Another spelling of a known name is nobody's.
  assert.deepEqual(valuesOf(request!, "x_forwarded_for"), []);
});
