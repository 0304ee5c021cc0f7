import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";
import { FRONTEND_TOTALS } from "#plan/board.ts";

const post = (length: number): string =>
  `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\n\r\n${"b".repeat(length)}`;

overProxies("limits", (proxyTest) => {
  proxyTest("a body's length", async (bench) => {
    const { server, client } = await bench.trio(", maxBody: 1000");
    client.write(post(1000));
    const { peer } = await server.request();
    await peer.take(1000);
    peer.write(plain("fits", "Connection: close\r\n"));
    assert.equal((await readAnswer(client)).body.toString(), "fits");
    client.write(post(1001));
    assert.equal((await readAnswer(client)).status, 413);
    client.write(post(100_000));
    assert.equal((await readAnswer(client)).status, 413);
    assert.equal(await client.ending(), "end");
    assert.equal(server.accepted, 1);
  });

  proxyTest("a chunked body's length", async (bench) => {
    for (const [chunks, status] of [
      [[500, 500], 200],
      [[500, 501], 413],
      [[5000], 413],
    ] as const) {
      const { proxy, server, client } = await bench.trio(", maxBody: 1000");
      client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (const size of chunks) {
        client.write(`${size.toString(16)}\r\n${"c".repeat(size)}\r\n`);
        await proxy.quiet();
      }
      client.write("0\r\n\r\n");
      server.serve(async (peer) => {
        await peer.head();
        await peer.takeTo("0\r\n\r\n");
        peer.write(plain("ok"));
      });
      assert.equal((await readAnswer(client)).status, status);
      if (status === 413) assert.equal(await client.ending(), "end");
      await proxy.quiet();
      if (status === 413) assert.match(proxy.log()[0]!, / 413 \d+ - - PR-- /);
    }
  });

  const refusals = [
    ["a field too long", get("/", `A: ${"x".repeat(16_384)}\r\n`), 431],
    ["too many fields", get("/", "A: b\r\n".repeat(101)), 431],
    ["a target too long", get(`/${"x".repeat(8192)}`), 414],
    ["no HTTP", "hello\r\n\r\n", 400],
    ["another version", "GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505],
    ["HTTP/0.9", "GET /\r\n\r\n", 400],
    ["CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 501],
    [
      "another coding",
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
      501,
    ],
    [
      "two lengths",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
      400,
    ],
    [
      "length and chunks",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
      400,
    ],
    ["a NUL", "GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", 400],
    ["a bare LF", "GET / HTTP/1.1\nHost: x\n\n", 400],
    ["a bare CR", "GET / HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n", 400],
    ["folding", "GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n", 400],
    ["a blank before the colon", "GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400],
    ["codings under 1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
  ] as const;

  for (const [name, text, status] of refusals) {
    proxyTest(`${name}: ${status}, in one packet and in pieces`, async (bench) => {
      const { proxy, server } = await bench.trio();
      for (const size of [text.length, 1000]) {
        const client = await bench.client(proxy);
        for (let at = 0; at < text.length; at += size) {
          client.write(text.slice(at, at + size));
          await proxy.quiet();
        }
        const answer = await readAnswer(client);
        assert.equal(answer.status, status);
        assert.equal(await client.ending(), "end");
        await proxy.quiet();
        assert.match(proxy.log().at(-1)!, new RegExp(` ${status} \\d+ - - PR-- `));
      }
      assert.equal(server.accepted, 0);
      if (status === 400) {
        assert.equal(proxy.board.totals[0]!.frontends[FRONTEND_TOTALS.MALFORMED], 2);
      }
    });
  }

  proxyTest("the longest head that is allowed arrives, in any pieces", async (bench) => {
    const { proxy, server } = await bench.trio("", ", reuse: never");
    const text = get("/", `A: ${"x".repeat(16_384 - get("/", "A: \r\n").length)}\r\n`);
    assert.equal(text.length, 16_384);
    for (const size of [text.length, 4096, 1000]) {
      const client = await bench.client(proxy);
      for (let at = 0; at < text.length; at += size) {
        client.write(text.slice(at, at + size));
        await proxy.quiet();
      }
      const { head, peer } = await server.request();
      assert.ok(head.length > text.length);
      peer.write(plain("long"));
      assert.equal((await readAnswer(client)).body.toString(), "long");
    }
  });

  proxyTest(
    "larger heads where the engine allows them; what has no room is refused",
    async (bench) => {
      const server = await bench.server();
      const proxy = bench.proxy(
        `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
          `backends: { web: { servers: { a: "127.0.0.1:${server.port}" } } }`,
        { engine: "maxHead: 64k, maxConnections: 400, memory: 32m" },
      );
      for (const size of [20_000, 40_000, 60_000, 65_500]) {
        const client = await bench.client(proxy);
        client.write(get("/", `A: ${"x".repeat(size)}\r\n`));
        server.serve(async (peer) => {
          for (;;) {
            await peer.head();
            peer.write(`HTTP/1.1 200 OK\r\nA: ${"y".repeat(size)}\r\nContent-Length: 2\r\n\r\nok`);
          }
        });
        const answer = await readAnswer(client);
        assert.equal(answer.status, size < 65_000 ? 200 : 431);
      }
    },
  );

  proxyTest("no descriptor for a server: 503, the client's connection lives on", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    proxy.loop.driver.open = () => -24;
    client.write(get());
    assert.equal((await readAnswer(client)).status, 503);
    await proxy.quiet();
    assert.match(proxy.log()[0]!, / 503 \d+ - - RC-- /);
    assert.equal(proxy.cell("web", "a", "FAILURES"), 0);
    Reflect.deleteProperty(proxy.loop.driver, "open");
    client.write(get());
    (await server.request()).peer.write(plain("again"));
    assert.equal((await readAnswer(client)).body.toString(), "again");
  });
});
