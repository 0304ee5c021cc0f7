import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import { BACKEND_TOTALS, FRONTEND_TOTALS } from "#plan/board.ts";

/** Termination flags and status of the last line of the log. */
function ending(proxy: TestProxy): string {
  const found = / (-?\d+) \d+ - - (\S\S)-- /.exec(proxy.log().at(-1) ?? "none");
  return found ? `${found[2]} ${found[1]}` : "nothing logged";
}

const failures = (proxy: TestProxy): number => proxy.cell("web", "a", "FAILURES");

overProxies("a client that goes away", (proxyTest) => {
  proxyTest("before its first byte, or between requests: nothing is logged", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    (await bench.client(proxy)).end();
    (await bench.client(proxy)).reset();
    client.write(get());
    (await server.request()).peer.write(plain("x"));
    await readAnswer(client);
    client.reset();
    await proxy.quiet();
    assert.equal(proxy.left().connections, 0);
    assert.equal(proxy.log().length, 1);
  });

  for (const how of ["end", "reset"] as const) {
    proxyTest(`in its head (${how})`, async (bench) => {
      const { proxy, server, client } = await bench.trio();
      client.write("GET / HTTP/1.1\r\nHo");
      await proxy.quiet();
      client[how]();
      await proxy.quiet();
      assert.equal(proxy.left().connections, 0);
      assert.equal(ending(proxy), "CR -1");
      assert.equal(server.accepted, 0);
      assert.equal(proxy.board.totals[0]!.frontends[FRONTEND_TOTALS.ABORTS], 1);
    });
  }

  proxyTest("while it waits for an answer: the server's connection ends too", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    client.reset();
    await peer.ending();
    await proxy.quiet();
    assert.equal(ending(proxy), "CH -1");
    assert.equal(failures(proxy), 0);
    assert.equal(proxy.board.totals[0]!.backends[BACKEND_TOTALS.CLIENT_ABORTS], 1);
    assert.equal(proxy.board.totals[0]!.backends[BACKEND_TOTALS.RESPONSE_ERRORS], 0);
  });

  proxyTest("in a queue", async (bench) => {
    const server = await bench.server();
    const proxy = bench.proxy(
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
        `backends: { web: { servers: { a: { address: "127.0.0.1:${server.port}", maxConnections: 1 } } } }`,
    );
    const first = await bench.client(proxy);
    first.write(get("/1"));
    const { peer } = await server.request();
    const second = await bench.client(proxy);
    second.write(get("/2"));
    await proxy.quiet();
    assert.equal(proxy.cell("web", "a", "ACTIVE"), 1);
    second.reset();
    await proxy.quiet();
    assert.equal(ending(proxy), "CQ -1");
    peer.write(plain("1"));
    await readAnswer(first);
    await proxy.quiet();
    assert.equal(server.accepted, 1);
    assert.equal(peer.text, "");
  });

  proxyTest("in its body: the server must not take it for whole", async (bench) => {
    for (const framing of ["Content-Length: 100", "Transfer-Encoding: chunked"]) {
      for (const how of ["end", "reset"] as const) {
        const { proxy, server, client } = await bench.trio();
        client.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n5\r\nhello\r\n`);
        const { peer } = await server.request();
        await peer.take(10);
        client[how]();
        await peer.ending();
        await proxy.quiet();
        assert.equal(peer.text, "");
        assert.match(ending(proxy), /^C[DH] -1$/);
        assert.equal(failures(proxy), 0);
        assert.equal(proxy.left().exchanges, 0);
      }
    }
  });

  proxyTest("in the answer's body", async (bench) => {
    for (const framing of ["Content-Length: 50000000", "Transfer-Encoding: chunked", "A: b"]) {
      const { proxy, server, client } = await bench.trio();
      client.write(get());
      const { peer } = await server.request();
      peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`).write(`ff\r\n${"x".repeat(255)}\r\n`);
      await client.head();
      await proxy.quiet();
      client.reset();
      await proxy.quiet();
      peer.write(Buffer.alloc(100_000, "x"));
      await peer.ending();
      await proxy.quiet();
      assert.equal(ending(proxy), "CD 200");
      assert.equal(failures(proxy), 0);
      assert.equal(proxy.left().exchanges, 0);
    }
  });

  proxyTest("with requests sent ahead", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get("/1") + get("/2") + get("/3"));
    const { peer } = await server.request();
    await proxy.quiet();
    client.reset();
    await proxy.quiet();
    peer.write(plain("too late"));
    await proxy.quiet();
    assert.equal(proxy.left().connections, 0);
    assert.equal(proxy.left().exchanges, 0);
  });

  proxyTest("while our own answer is on its way", async (bench) => {
    const { proxy, client } = await bench.trio();
    client.write("BAD\r\n\r\n");
    client.reset();
    await proxy.quiet();
    assert.equal(proxy.left().connections, 0);
    assert.equal(proxy.left().exchanges, 0);
  });
});
