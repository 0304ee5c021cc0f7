import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { Peer } from "#kit/peer.ts";
import { overProxies } from "#kit/proxies.ts";

overProxies("Unix sockets", (proxyTest) => {
  proxyTest("on either side; a client without an address is called so", async (bench, t) => {
    const directory = mkdtempSync(join(tmpdir(), "weir-"));
    t.after(() => rmSync(directory, { recursive: true }));
    const behind = join(directory, "server");
    const front = join(directory, "proxy");
    const heads: string[] = [];
    const server = createServer((socket) => {
      const peer = new Peer(socket);
      void peer.head().then((head) => {
        heads.push(head);
        peer.write(plain("local"));
      });
    }).listen(behind);
    t.after(() => server.close());
    await once(server, "listening");
    const proxy = bench.proxy(
      `frontends: { web: { bind: "unix@${front}", default: web, forwarded: { forwarded: true } } }\n` +
        `backends: { web: { reuse: never, servers: { a: "unix@${behind}" } } }`,
    );
    const client = new Peer(connect({ path: front, allowHalfOpen: true }));
    client.write(get("/", "X-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n"));
    assert.equal((await readAnswer(client)).body.toString(), "local");
    client.destroy();
    await proxy.quiet();
    assert.deepEqual(heads[0]!.split("\r\n").slice(0, -2).sort(), [
      "Forwarded: for=unknown;proto=http",
      "GET / HTTP/1.1",
      "Host: example.test",
      "X-Forwarded-Proto: http",
    ]);
    assert.match(proxy.log()[0]!, /^unix:0 \[/);
    server.close();
    await once(server, "close");
  });
});
