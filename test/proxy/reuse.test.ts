import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { overProxies } from "#kit/proxies.ts";
import type { RawServer } from "#kit/raw-server.ts";

/** Serves everything; how many requests each connection had, by order of arrival. */
function count(server: RawServer): number[] {
  const requests: number[] = [];
  server.serve(async (peer) => {
    const at = requests.push(0) - 1;
    for (;;) {
      const head = await peer.head();
      const length = /content-length: (\d+)/i.exec(head);
      if (length) await peer.take(Number(length[1]));
      requests[at]!++;
      peer.write(plain("x"));
    }
  });
  return requests;
}

const POST = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab";

async function ask(client: Peer, request: string): Promise<void> {
  client.write(request);
  assert.equal((await readAnswer(client)).status, 200);
}

overProxies("connections to servers", (proxyTest) => {
  proxyTest("never: one for each request", async (bench) => {
    const { proxy, server, client } = await bench.trio("", ", reuse: never");
    const requests = count(server);
    for (let n = 0; n < 3; n++) {
      await ask(client, get());
      await proxy.quiet();
    }
    assert.deepEqual(requests, [1, 1, 1]);
    assert.equal(proxy.left().upstreams, 0);
  });

  proxyTest("safe: what may not be repeated takes none that has lain idle", async (bench) => {
    const { proxy, server, client } = await bench.trio("", ", idle: { timeout: 60s }");
    const requests = count(server);
    await ask(client, get());
    await proxy.advance(500);
    await ask(client, POST);
    await proxy.advance(2_000);
    await ask(client, get());
    assert.deepEqual(requests, [3]);
    await proxy.advance(2_000);
    await ask(client, POST);
    assert.deepEqual(requests, [3, 1]);
  });

  proxyTest("always: any", async (bench) => {
    const { proxy, server, client } = await bench.trio(
      "",
      ", reuse: always, idle: { timeout: 60s }",
    );
    const requests = count(server);
    for (let n = 0; n < 4; n++) {
      await ask(client, n % 2 ? POST : get());
      await proxy.advance(10_000);
    }
    assert.deepEqual(requests, [4]);
  });

  proxyTest("clients share them", async (bench) => {
    const { proxy, server } = await bench.trio();
    const requests = count(server);
    for (let n = 0; n < 3; n++) {
      await ask(await bench.client(proxy), get());
      await proxy.quiet();
    }
    assert.deepEqual(requests, [3]);
  });

  proxyTest("no more are kept than the limit, the freshest ones", async (bench) => {
    const { proxy, server } = await bench.trio("", ", idle: { limit: 2 }");
    const peers: Peer[] = [];
    for (let n = 0; n < 5; n++) {
      (await bench.client(proxy)).write(get());
      peers.push((await server.request()).peer);
    }
    for (const peer of peers) peer.write(plain("x"));
    await proxy.quiet();
    assert.equal(proxy.cell("web", "a", "IDLE"), 2);
    assert.deepEqual(
      peers.map((peer) => peer.ended),
      [true, true, true, false, false],
    );
  });

  proxyTest("one idle for too long is closed", async (bench) => {
    const { proxy, server, client } = await bench.trio("", ", idle: { timeout: 8s }");
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("x"));
    await readAnswer(client);
    await proxy.advance(7_900);
    assert.equal(peer.ended, false);
    await proxy.advance(200);
    assert.equal(peer.ended, true);
    assert.equal(proxy.cell("web", "a", "IDLE"), 0);
  });

  proxyTest("one that the server closes is forgotten", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    for (let n = 0; n < 3; n++) {
      client.write(get());
      const { peer } = await server.request();
      peer.write(plain("x"));
      await readAnswer(client);
      await proxy.quiet();
      assert.equal(proxy.cell("web", "a", "IDLE"), 1);
      peer.end();
      await proxy.quiet();
      assert.equal(proxy.cell("web", "a", "IDLE"), 0);
    }
  });

  proxyTest("one closed just as a request goes out: that goes again, unseen", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get("/1"));
    const { peer } = await server.request();
    peer.write(plain("1"));
    await readAnswer(client);
    await proxy.quiet();
    client.write(get("/2"));
    await peer.head();
    peer.end();
    const again = await server.request();
    assert.match(again.head, /^GET \/2 /);
    again.peer.write(plain("2"));
    assert.equal((await readAnswer(client)).body.toString(), "2");
    await proxy.quiet();
    assert.equal(proxy.cell("web", "a", "FAILURES"), 0);
    assert.match(proxy.log()[1]!, / 200 \d+ - - ---- \S+\/0 0\/0 /);
  });

  proxyTest("a fresh one closed without an answer is a failure", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get("/1"));
    const { peer } = await server.request();
    peer.write(plain("1"));
    await readAnswer(client);
    await proxy.quiet();
    client.write(get("/2"));
    await peer.head();
    peer.end();
    (await server.request()).peer.end();
    assert.equal((await readAnswer(client)).status, 502);
    assert.equal(proxy.cell("web", "a", "FAILURES"), 1);
  });

  proxyTest("what may not be repeated is not, over any connection", async (bench) => {
    const { proxy, server, client } = await bench.trio(
      "",
      ", reuse: always, retryOn: [connect, empty]",
    );
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("1"));
    await readAnswer(client);
    await proxy.quiet();
    client.write(POST);
    await peer.head();
    peer.end();
    assert.equal((await readAnswer(client)).status, 502);
    await proxy.quiet();
    assert.equal(server.accepted, 1);
  });

  proxyTest("half an answer on a used connection is not asked for again", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("1"));
    await readAnswer(client);
    await proxy.quiet();
    client.write(get());
    await peer.head();
    peer.write("HTTP/1.1 200 OK\r\nX");
    await proxy.quiet();
    peer.end();
    assert.equal((await readAnswer(client)).status, 502);
    assert.equal(server.accepted, 1);
  });

  proxyTest("a server that moves leaves its connections behind", async (bench) => {
    const { proxy, server, client } = await bench.trio("", ", reuse: always");
    const moved = await bench.server();
    client.write(get());
    const old = await server.request();
    await proxy.reload(
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
        `backends: { web: { servers: { a: "127.0.0.1:${moved.port}" }, reuse: always } }`,
    );
    const other = await bench.client(proxy);
    other.write(get());
    const fresh = await moved.request();
    fresh.peer.write(plain("new"));
    await readAnswer(other);
    old.peer.write(plain("old"));
    assert.equal((await readAnswer(client)).body.toString(), "old");
    assert.equal(await old.peer.ending(), "end");
    await proxy.quiet();
    client.write(get());
    await fresh.peer.head();
    fresh.peer.write(plain("new"));
    assert.equal((await readAnswer(client)).body.toString(), "new");
  });
});
