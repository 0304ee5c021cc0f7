import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { type Bench, overProxies, simple } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import type { RawServer } from "#kit/raw-server.ts";
import { BACKEND_TOTALS, SERVER_TOTALS } from "#plan/board.ts";

/** A port on which nobody listens, and that nobody gets meanwhile. */
async function dead(bench: Bench): Promise<RawServer> {
  const server = await bench.server();
  const port = server.port;
  server.refuse();
  return { port } as RawServer;
}

const total = (proxy: TestProxy, column: keyof typeof BACKEND_TOTALS): number =>
  proxy.board.totals[0]!.backends[BACKEND_TOTALS[column as "RETRIES"]]!;

const POST = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab";

overProxies("another try", (proxyTest) => {
  proxyTest("a refused connection: the next server takes it, a POST too", async (bench) => {
    for (const request of [get(), POST]) {
      const alive = await bench.server();
      const proxy = bench.simple([await dead(bench), alive]);
      const client = await bench.client(proxy);
      client.write(request);
      const { peer } = await alive.request();
      peer.write(plain("alive"));
      assert.equal((await readAnswer(client)).body.toString(), "alive");
      await proxy.quiet();
      assert.match(proxy.log()[0]!, / web web\/b .* 200 \d+ - - ---- \S+\/\+1 0\/0 /);
      assert.equal(total(proxy, "RETRIES"), 1);
      assert.equal(total(proxy, "REDISPATCHES"), 1);
      assert.equal(total(proxy, "CONNECT_ERRORS"), 1);
      assert.equal(proxy.cell("web", "a", "FAILURES"), 1);
      assert.equal(proxy.board.totals[0]!.servers[SERVER_TOTALS.CONNECT_ERRORS], 1);
    }
  });

  proxyTest("nobody listens: as many tries as allowed, then 503", async (bench) => {
    for (const retries of [0, 2]) {
      const proxy = bench.simple([await dead(bench)], "", `, retries: ${retries}`);
      const client = await bench.client(proxy);
      client.write(get());
      assert.equal((await readAnswer(client)).status, 503);
      await proxy.quiet();
      assert.match(proxy.log()[0]!, new RegExp(` 503 \\d+ - - SC-- \\S+/${retries} 0/0 `));
      assert.equal(proxy.cell("web", "a", "FAILURES"), retries + 1);
    }
  });

  proxyTest("without redispatch the same server is asked again", async (bench) => {
    const alive = await bench.server();
    const servers = [await dead(bench), alive];
    const proxy = bench.simple(servers, "", ", redispatch: false, retries: 5");
    const client = await bench.client(proxy);
    client.write(get());
    assert.equal((await readAnswer(client)).status, 503);
    assert.equal(alive.accepted, 0);
  });

  proxyTest("no answer: again only if told so, and only what may be repeated", async (bench) => {
    const table = [
      [get(), "connect", 502, 1],
      [get(), "connect, empty", 200, 2],
      [POST, "connect, empty", 502, 1],
    ] as const;
    for (const [request, on, status, connections] of table) {
      const servers = [await bench.server(), await bench.server()];
      const proxy = bench.simple(servers, "", `, retryOn: [${on}]`);
      const client = await bench.client(proxy);
      client.write(request);
      (await servers[0]!.request()).peer.end();
      servers[1]!.serve(async (peer) => {
        await peer.head();
        peer.write(plain("b"));
      });
      assert.equal((await readAnswer(client)).status, status);
      assert.equal(servers[0]!.accepted + servers[1]!.accepted, connections);
      assert.equal(total(proxy, "RESPONSE_ERRORS"), 1);
    }
  });

  proxyTest("a status to be tried elsewhere; the last answer is passed on", async (bench) => {
    const servers = [await bench.server(), await bench.server(), await bench.server()];
    const proxy = bench.simple(servers, "", ", retryOn: 503, retries: 2");
    const client = await bench.client(proxy);
    client.write(get());
    for (const [i, server] of servers.entries()) {
      const { peer } = await server.request();
      const text = `HTTP/1.1 503 Busy\r\nContent-Length: 1\r\n\r\n${i}`;
      peer.write(text.slice(0, 12));
      await proxy.quiet();
      peer.write(text.slice(12));
    }
    const answer = await readAnswer(client);
    assert.equal(answer.status, 503);
    assert.equal(answer.body.toString(), "2");
    assert.equal(total(proxy, "RETRIES"), 2);
  });

  proxyTest("a request in time is tried elsewhere after a timeout if told so", async (bench) => {
    const servers = [await bench.server(), await bench.server()];
    const proxy = bench.simple(servers, "", ", retryOn: timeout, timeouts: { server: 10s }");
    const client = await bench.client(proxy);
    client.write(get());
    const { peer } = await servers[0]!.request();
    await proxy.advance(10_100);
    const second = await servers[1]!.request();
    await peer.ending();
    second.peer.write(plain("b"));
    assert.equal((await readAnswer(client)).body.toString(), "b");
  });

  proxyTest("an upload that has begun is not tried again", async (bench) => {
    const servers = [await bench.server(), await bench.server()];
    const proxy = bench.simple(servers, "", ", retryOn: [connect, empty]");
    const client = await bench.client(proxy);
    client.write("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n");
    const { peer } = await servers[0]!.request();
    client.write(Buffer.alloc(50_000));
    await peer.take(50_000);
    peer.end();
    assert.equal((await readAnswer(client)).status, 502);
    assert.equal(servers[1]!.accepted, 0);
    await client.ending();
  });

  proxyTest("a small PUT is, its body with it", async (bench) => {
    const servers = [await bench.server(), await bench.server()];
    const proxy = bench.simple(servers, "", ", retryOn: [connect, empty]");
    const client = await bench.client(proxy);
    client.write("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    const first = await servers[0]!.request();
    await first.peer.take(5);
    first.peer.end();
    const second = await servers[1]!.request();
    assert.equal((await second.peer.take(5)).toString(), "hello");
    second.peer.write(plain("b"));
    assert.equal((await readAnswer(client)).body.toString(), "b");
  });

  proxyTest("a body that waits is sent whole after a refused connection", async (bench) => {
    const alive = await bench.server();
    const proxy = bench.simple([await dead(bench), alive]);
    const client = await bench.client(proxy);
    const body = "z".repeat(50_000);
    client.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    const { peer } = await alive.request();
    assert.equal((await peer.take(body.length)).toString(), body);
    peer.write(plain("stored"));
    assert.equal((await readAnswer(client)).body.toString(), "stored");
  });

  proxyTest("no server is usable: 503 at once", async (bench) => {
    const { proxy, client } = await bench.trio();
    proxy.server("web", "a", { EFFECTIVE: 0 });
    client.write(get());
    assert.equal((await readAnswer(client)).status, 503);
    await proxy.quiet();
    assert.match(proxy.log()[0]!, / web web\/<NOSRV> .* 503 \d+ - - SC-- /);
  });

  proxyTest("a reload between two tries leaves no stale place behind", async (bench) => {
    const servers = [await bench.server(), await bench.server(), await bench.server()];
    const proxy = bench.simple(servers, "", ", retryOn: [empty]");
    const client = await bench.client(proxy);
    client.write(get());
    const { peer } = await servers[0]!.request();
    await proxy.reload(simple(servers.slice(0, 2), "", ", retryOn: [empty], retries: 1"));
    peer.end();
    const second = await servers[1]!.request();
    second.peer.write(plain("b"));
    assert.equal((await readAnswer(client)).body.toString(), "b");
  });
});
