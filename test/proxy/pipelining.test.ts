import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { get, plain, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { overProxies } from "#kit/proxies.ts";

/** Answers requests on one connection as they come, with their target and body. */
async function echo(peer: Peer, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const head = await peer.head();
    const length = /content-length: (\d+)/i.exec(head);
    const body = length ? (await peer.take(Number(length[1]))).toString("latin1") : "";
    peer.write(plain(`${head.split(" ")[1]} ${body}`));
  }
}

const post = (target: string, body: string): string =>
  `POST ${target} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

overProxies("pipelining", (proxyTest) => {
  proxyTest("requests in one packet are answered one after another, in order", async (bench) => {
    const { server, client } = await bench.trio("", ", reuse: always");
    client.write([1, 2, 3, 4, 5].map((n) => get(`/${n}`)).join(""));
    server.serve((peer) => echo(peer, 5));
    for (let n = 1; n <= 5; n++) {
      assert.equal((await readAnswer(client)).body.toString(), `/${n} `);
    }
  });

  proxyTest("only one of them is with the server at a time", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get("/1") + get("/2"));
    const { peer } = await server.request();
    await proxy.quiet();
    assert.equal(peer.text, "");
    assert.equal(server.accepted, 1);
    peer.write(plain("1"));
    await readAnswer(client);
    void echo(peer, 1).catch(() => {});
    server.serve((second) => echo(second, 1));
    assert.equal((await readAnswer(client)).body.toString(), "/2 ");
  });

  proxyTest("what comes while requests wait is not lost", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get("/1") + get("/2"));
    const { peer } = await server.request();
    await proxy.quiet();
    client.write(get("/3"));
    await proxy.quiet();
    client.write(get("/4").slice(0, 10));
    await proxy.quiet();
    peer.write(plain("/1 "));
    client.write(get("/4").slice(10));
    peer.end();
    server.serve((fresh) => echo(fresh, 1000));
    for (let n = 1; n <= 4; n++) {
      assert.equal((await readAnswer(client)).body.toString(), `/${n} `);
    }
  });

  proxyTest("requests with bodies follow each other in any pieces", async (bench) => {
    const { server, client, proxy } = await bench.trio("", ", reuse: always");
    server.serve((peer) => echo(peer, 1000));
    const text = post("/1", "hello") + get("/2") + post("/3", "") + post("/4", "x".repeat(300));
    for (const size of [1, 7, 64, text.length]) {
      for (let at = 0; at < text.length; at += size) {
        client.write(text.slice(at, at + size));
        await nextTurn();
      }
      const bodies = [];
      for (let n = 0; n < 4; n++) bodies.push((await readAnswer(client)).body.toString());
      assert.deepEqual(bodies, ["/1 hello", "/2 ", "/3 ", `/4 ${"x".repeat(300)}`], `by ${size}`);
      await proxy.quiet();
    }
  });

  proxyTest("after a request that closes, what follows is not looked at", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(get("/1", "Connection: close\r\n") + get("/2"));
    const { peer } = await server.request();
    peer.write(plain("1"));
    assert.equal((await readAnswer(client)).body.toString(), "1");
    assert.equal((await client.rest()).length, 0);
    assert.equal(server.accepted, 1);
    assert.equal(peer.text, "");
  });

  proxyTest("a bad request behind a good one is answered in its turn", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(`${get("/1")}BAD\r\n\r\n`);
    const { peer } = await server.request();
    peer.write(plain("good"));
    assert.equal((await readAnswer(client)).body.toString(), "good");
    assert.equal((await readAnswer(client)).status, 400);
    assert.equal((await client.rest()).length, 0);
  });

  proxyTest("a head that is split anywhere is one request", async (bench) => {
    const { server, client, proxy } = await bench.trio("", ", reuse: always");
    const text = get("/split?a=b", "Cookie: one=1\r\nX-Y: z\r\n");
    server.serve((peer) => echo(peer, 1000));
    for (let at = 1; at < text.length; at++) {
      client.write(text.slice(0, at));
      await nextTurn();
      await nextTurn();
      client.write(text.slice(at));
      assert.equal((await readAnswer(client)).body.toString(), "/split?a=b ", `split at ${at}`);
    }
    await proxy.quiet();
  });
});
