/**
 * Configurations that change, and broken ones, under full load with everything under way that can
 * be: kept and fresh connections, downloads, uploads, WebSockets. What did not change notices
 * nothing.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, get, request } from "node:http";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { Pressure } from "#kit/pressure.ts";
import { RawClient } from "#kit/raw-client.ts";
import { startWeir, type Weir } from "#kit/weir.ts";

const RELOADS = 200;
const BYTES = 48 * 1024 * 1024;
const TUNNELS = 8;

const digest = (): ReturnType<typeof createHash> => createHash("sha256");
const BLOCK = Buffer.alloc(65_536, "0123456789abcdef");
const WHOLE = (() => {
  const hash = digest();
  for (let at = 0; at < BYTES; at += BLOCK.length) hash.update(BLOCK);
  return hash.digest("hex");
})();

/** Big bodies both ways, upgrades, and a short answer to everything else. */
async function startServer(t: TestContext): Promise<number> {
  const server = createServer((asked, answer) => {
    if (asked.url === "/download") {
      answer.writeHead(200, { "content-length": BYTES });
      let left = BYTES;
      const pour = (): void => {
        for (let room = true; room && left > 0; left -= BLOCK.length) room = answer.write(BLOCK);
        if (left <= 0) answer.end();
      };
      answer.on("drain", pour);
      pour();
    } else if (asked.url === "/upload") {
      const hash = digest();
      asked.on("data", (part: Buffer) => hash.update(part));
      asked.on("end", () => answer.end(hash.digest("hex")));
    } else answer.end("hello\n");
  });
  server.keepAliveTimeout = 120_000;
  server.on("upgrade", (_, socket) => {
    socket.on("error", () => {});
    socket.write("HTTP/1.1 101 Go\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    socket.pipe(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** Reads a big answer at its leisure; resolves with what it was. */
function download(weir: Weir): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: weir.port(), path: "/download", agent: false };
    get(options, (answer) => {
      const hash = digest();
      answer.on("data", (part: Buffer) => {
        hash.update(part);
        answer.pause();
        setTimeout(() => answer.resume(), 1);
      });
      answer.on("error", reject).on("end", () => resolve(hash.digest("hex")));
    }).on("error", reject);
  });
}

function upload(weir: Weir): Promise<string> {
  return new Promise((resolve, reject) => {
    const port = weir.port();
    const sent = request({
      host: "127.0.0.1",
      port,
      path: "/upload",
      method: "POST",
      agent: false,
    });
    sent.on("error", reject).on("response", (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      answer.on("end", () => resolve(text));
    });
    let left = BYTES;
    const pour = (): void => {
      for (; left > 0; left -= BLOCK.length) {
        if (!sent.write(BLOCK)) {
          left -= BLOCK.length;
          return;
        }
      }
      sent.end();
    };
    sent.on("drain", () => setTimeout(pour, 1));
    pour();
  });
}

async function openTunnel(t: TestContext, weir: Weir): Promise<RawClient> {
  const client = await RawClient.connect(t, weir.port());
  client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
  await client.until(() => client.text.includes("\r\n\r\n"), "101");
  assert.match(client.text, /^HTTP\/1\.1 101 /);
  client.text = "";
  return client;
}

test(`${RELOADS} reloads under load, half of them broken, harm nothing`, async (t) => {
  const server = await startServer(t);
  const configOf = (web: number, other: number, round: number): string => `
engine: { threads: 2 }
log: none
frontends:
  web: { bind: "127.0.0.1:${web}", default: app }
${round % 3 === 1 ? `  other: { bind: "127.0.0.1:${other}", default: app }` : ""}
backends:
  app: { servers: { a: "127.0.0.1:${server}"${round % 2 ? `, b: "127.0.0.1:${server}"` : ""} } }
${round % 4 === 2 ? `  more: { balance: leastconn, servers: { c: "127.0.0.1:${server}" } }` : ""}
`;
  const weir = await startWeir(t, (g) => configOf(g.port("web"), g.port("other"), 0), {
    ports: ["web", "other"],
  });
  const tunnels = await Promise.all(Array.from({ length: TUNNELS }, () => openTunnel(t, weir)));
  const long = [download(weir), download(weir), upload(weir), upload(weir)];
  const kept = new Pressure(t, weir.port(), { connections: 16 });
  const fresh = new Pressure(t, weir.port(), { connections: 2, requests: 3 });
  await kept.more(200);
  const times: number[] = [];
  for (let round = 1; round <= RELOADS; round++) {
    const text = configOf(weir.port(), weir.port("other"), round >> 1);
    const broken = round % 2 === 0;
    weir.configure(broken ? text.replace("default: app", "default: nobody") : text);
    const beganMs = performance.now();
    const answer = await weir.admin("/api/v1/reload", { method: "POST" });
    times.push(performance.now() - beganMs);
    assert.equal(answer.status, broken ? 422 : 200, answer.text);
    const tunnel = tunnels[round % TUNNELS]!;
    tunnel.send(`${round};`);
    await tunnel.until(() => tunnel.text.endsWith(`${round};`), `echo ${round}`);
  }
  const { code } = await weir.cli("reload");
  assert.equal(code, 3, "the last one was broken");
  const status = await weir.cli("status");
  assert.match(status.out, /refused/);
  await kept.more(200);
  assert.deepEqual(
    await Promise.all(long),
    long.map(() => WHOLE),
  );
  const results = [await kept.stop(), await fresh.stop()];
  const failures = results.flatMap((result) => result.failures);
  times.sort((a, b) => a - b);
  t.diagnostic(
    `${results[0]!.good} requests on kept, ${results[1]!.good} on fresh connections, ` +
      `${failures.length} failed; a reload took ${Math.round(times[RELOADS >> 1]!)} ms, ` +
      `at most ${Math.round(times.at(-1)!)} ms`,
  );
  assert.deepEqual(failures, []);
  for (const tunnel of tunnels) assert.equal(tunnel.ended, "open");
  assert.doesNotMatch(weir.err, / died/);
});
