import assert from "node:assert/strict";
import { get, plain, readAnswer, value } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";

const ASK = get("/ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: abc\r\n");
const GRANT =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n" +
  "Sec-WebSocket-Accept: xyz\r\n\r\n";

async function tunnel(
  bench: Bench,
  more = "",
): Promise<{ proxy: TestProxy; client: Peer; peer: Peer }> {
  const { proxy, server, client } = await bench.trio("", more);
  client.write(ASK);
  const { head, peer } = await server.request();
  assert.match(head, /Connection: upgrade\r\nUpgrade: websocket\r\n/);
  assert.match(head, /Sec-WebSocket-Key: abc\r\n/);
  peer.write(GRANT);
  const answer = await readAnswer(client);
  assert.equal(answer.status, 101);
  assert.equal(value(answer, "connection"), "upgrade");
  assert.equal(value(answer, "upgrade"), "websocket");
  assert.equal(value(answer, "sec-websocket-accept"), "xyz");
  return { proxy, client, peer };
}

overProxies("upgrades", (proxyTest) => {
  proxyTest("bytes go both ways, whatever they are", async (bench) => {
    const { client, peer } = await tunnel(bench);
    for (const bytes of ["\x00\xff", get("/not-a-request"), "x".repeat(100_000)]) {
      client.write(bytes);
      assert.equal((await peer.take(bytes.length)).toString("latin1"), bytes);
      peer.write(bytes);
      assert.equal((await client.take(bytes.length)).toString("latin1"), bytes);
    }
  });

  proxyTest("much both ways at once", async (bench) => {
    const { client, peer } = await tunnel(bench);
    const bytes = Buffer.alloc(3_000_000, "0123456789abcdef!");
    client.write(bytes);
    peer.write(bytes);
    const [a, b] = await Promise.all([client.take(bytes.length), peer.take(bytes.length)]);
    assert.ok(a.equals(bytes) && b.equals(bytes));
  });

  for (const first of ["client", "peer"] as const) {
    const second = first === "client" ? "peer" : "client";
    proxyTest(`the ${first} finishes, the other goes on and finishes`, async (bench) => {
      const { proxy, ...ends } = await tunnel(bench);
      ends[first].write("last words").end();
      assert.equal((await ends[second].rest()).toString(), "last words");
      ends[second].write("an answer to them");
      assert.equal((await ends[first].take(17)).toString(), "an answer to them");
      ends[second].end();
      assert.equal(await ends[first].ending(), "end");
      await proxy.quiet();
      assert.match(proxy.log()[0]!, / 101 \d+ - - ---- /);
    });

    proxyTest(`the ${first} breaks the connection`, async (bench) => {
      const { proxy, ...ends } = await tunnel(bench);
      ends[first].reset();
      await ends[second].ending();
      await proxy.quiet();
      assert.equal(proxy.left().exchanges, 0);
    });
  }

  proxyTest("both finish at once", async (bench) => {
    const { proxy, client, peer } = await tunnel(bench);
    client.write("a").end();
    peer.write("b").end();
    assert.equal((await client.rest()).toString(), "b");
    assert.equal((await peer.rest()).toString(), "a");
    await proxy.quiet();
    assert.equal(proxy.left().connections, 0);
  });

  proxyTest("early bytes of both sides are not lost", async (bench) => {
    for (const size of [10, 5000, 40_000]) {
      const { proxy, server, client } = await bench.trio();
      const early = "e".repeat(size);
      client.write(ASK + early);
      const { peer } = await server.request();
      await proxy.quiet();
      peer.write(`${GRANT}${early.slice(0, 3000)}`).write(early.slice(3000));
      assert.equal((await readAnswer(client)).status, 101);
      assert.equal((await peer.take(size)).toString(), early);
      assert.equal((await client.take(size)).toString(), early);
      client.write("on");
      assert.equal((await peer.take(2)).toString(), "on");
      client.end();
      peer.end();
      await proxy.quiet();
    }
  });

  proxyTest("early bytes behind a head that came in pieces", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    const early = "e".repeat(30_000);
    client.write(ASK.slice(0, 30));
    await proxy.quiet();
    client.write(ASK.slice(30) + early);
    const { peer } = await server.request();
    await proxy.quiet();
    peer.write(GRANT);
    await client.head();
    assert.equal((await peer.take(early.length)).toString(), early);
    peer.write("back");
    assert.equal((await client.take(4)).toString(), "back");
  });

  proxyTest("a client that half-closes before the answer", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(ASK).end();
    const { peer } = await server.request();
    await proxy.quiet();
    peer.write(GRANT);
    assert.equal((await peer.rest()).length, 0);
    peer.write("one way").end();
    await client.head();
    assert.equal((await client.rest()).toString(), "one way");
  });

  proxyTest("a refused upgrade is an ordinary answer", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(ASK);
    const { peer } = await server.request();
    peer.write(plain("no"));
    assert.equal((await readAnswer(client)).body.toString(), "no");
    await proxy.quiet();
    client.write(get());
    await peer.head();
    peer.write(plain("next"));
    assert.equal((await readAnswer(client)).body.toString(), "next");
  });

  proxyTest("silence of both ends it, words of either do not", async (bench) => {
    const { proxy, client, peer } = await tunnel(bench, ", timeouts: { tunnel: 30s, server: 5s }");
    for (let n = 0; n < 3; n++) {
      await proxy.advance(29_000);
      client.write("ping");
      await peer.take(4);
      await proxy.advance(29_000);
      peer.write("pong");
      await client.take(4);
    }
    await proxy.advance(31_000);
    await client.ending();
    await peer.ending();
  });

  proxyTest("an idle tunnel holds no page but its request's", async (bench) => {
    const { proxy, client, peer } = await tunnel(bench);
    await proxy.quiet();
    const idle = proxy.left().pageBytes;
    client.write("x".repeat(500_000));
    await peer.take(500_000);
    client.write("y");
    await peer.take(1);
    await proxy.quiet();
    assert.equal(proxy.left().pageBytes, idle);
    assert.ok(idle <= 12_288, `${idle} bytes`);
  });

  proxyTest("a server that asks is not enough, nor is half a request", async (bench) => {
    for (const fields of ["Upgrade: websocket\r\n", "Connection: upgrade\r\n", ""]) {
      const { proxy, server, client } = await bench.trio();
      client.write(get("/", fields));
      const { head, peer } = await server.request();
      assert.doesNotMatch(head, /upgrade/i);
      peer.write(GRANT);
      assert.equal((await readAnswer(client)).status, 502);
      await proxy.quiet();
    }
  });

  proxyTest("to h2c it is not passed on", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(
      get("/", "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n"),
    );
    const { head, peer } = await server.request();
    assert.doesNotMatch(head, /upgrade|h2c|http2/i);
    peer.write(plain("1.1"));
    assert.equal((await readAnswer(client)).body.toString(), "1.1");
  });
});
