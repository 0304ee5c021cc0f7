import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";

/** Lines of the log with the client's port taken out. */
const lines = (proxy: TestProxy): string[] =>
  proxy.log().map((line) => line.replace(/^127\.0\.0\.1:\d+ /, "CLIENT "));

const AT = "CLIENT [01/Jan/2030:00:00:00.000] web";

const port = (client: Peer): number => client.socket.localPort!;

overProxies("the access log", (proxyTest) => {
  proxyTest("an ordinary request, to the byte", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get("/x?y", "User-Agent: me\r\n"));
    const { peer } = await server.request();
    const text = plain("hello");
    peer.write(text);
    await readAnswer(client);
    await proxy.quiet();
    const counts = `1/1/0/0/0 0/0 "GET /x?y HTTP/1.1"`;
    assert.deepEqual(lines(proxy), [`${AT} web/a 0/0/0/0/0 200 ${text.length} - - ---- ${counts}`]);
    assert.match(proxy.log()[0]!, new RegExp(`^127.0.0.1:${port(client)} `));
  });

  proxyTest("where the time went", async (bench) => {
    const server = await bench.server();
    const proxy = bench.proxy(
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
        `backends: { web: { servers: { a: { address: "127.0.0.1:${server.port}", maxConnections: 1 } } } }`,
    );
    const first = await bench.client(proxy);
    first.write(get("/first"));
    const { peer } = await server.request();
    const client = await bench.client(proxy);
    client.write(get("/second"));
    await proxy.advance(1_000);
    peer.write(plain("1", "Connection: close\r\n"));
    const second = await server.request();
    await proxy.advance(2_000);
    second.peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n2\r\n");
    await proxy.advance(3_000);
    second.peer.write("0\r\n\r\n");
    await readAnswer(client);
    await proxy.quiet();
    const spent = / web\/a (\S+) /.exec(lines(proxy)[1]!)![1]!.split("/").map(Number);
    assert.deepEqual(
      spent.map((ms) => Math.round(ms / 1000)),
      [0, 1, 0, 2, 6],
    );
  });

  proxyTest("bytes: as sent, of every framing, 1xx answers with them", async (bench) => {
    for (const text of [
      plain("x".repeat(200_000)),
      `HTTP/1.1 103 E\r\n\r\n${plain("abc")}`,
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n",
      "HTTP/1.1 200 OK\r\n\r\nabc",
      "HTTP/1.1 204 No\r\n\r\n",
    ]) {
      for (const format of ["json", "combined"] as const) {
        const { proxy, server, client } = await bench.trio(`, log: ${format}`);
        client.write(get("/", "Connection: close\r\n"));
        (await server.request()).peer.write(text).end();
        const got = (await client.rest()).toString("latin1");
        await proxy.quiet();
        const line = proxy.log()[0]!;
        if (format === "json") assert.equal(JSON.parse(line).bytes_out, got.length);
        else {
          const body = got.replace(/^(HTTP\/1\.1 (.+\r\n)+\r\n)+/, "");
          assert.match(line, new RegExp(`" 20[04] ${body.length || "(0|-)"} "`));
        }
      }
    }
  });

  proxyTest("bytes of requests: head and body, not those of the next one", async (bench) => {
    const chunked =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const length = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n${"b".repeat(20_000)}`;
    const { proxy, server, client } = await bench.trio(", log: json", ", reuse: never");
    server.serve(async (peer) => {
      const head = await peer.head();
      if (head.includes("Content-Length")) await peer.take(20_000);
      if (head.includes("chunked")) await peer.takeTo("0\r\n\r\n");
      peer.write(plain("x"));
    });
    client.write(chunked + length + get() + chunked);
    for (let n = 0; n < 4; n++) await readAnswer(client);
    await proxy.quiet();
    assert.deepEqual(
      proxy.log().map((line) => JSON.parse(line).bytes_in),
      [chunked.length, length.length, get().length, chunked.length],
    );
  });

  proxyTest("a request that could not be read shows what there was of it", async (bench) => {
    const { proxy, client } = await bench.trio();
    client.write('GET /"\x01 HTTP/1.1\r\nHost : x\r\n\r\n');
    await client.rest();
    await proxy.quiet();
    assert.match(
      lines(proxy)[0]!,
      /^CLIENT \[[^\]]+\] web web\/<NOSRV> 0\/-1\/-1\/-1\/0 400 \d+ - - PR-- 1\/1\/0\/0\/0 0\/0 "GET \/#22#01 HTTP\/1.1"$/,
    );
  });

  proxyTest("each frontend its own format, or none", async (bench: Bench) => {
    const server = await bench.server();
    const proxy = bench.proxy(
      `frontends:
  web: { bind: "127.0.0.1:0", default: web, log: combined }
  mute: { bind: "127.0.0.2:0", default: web, log: none }
backends: { web: { servers: { a: "127.0.0.1:${server.port}" } } }`,
    );
    server.serve(async (peer) => {
      for (;;) {
        await peer.head();
        peer.write(plain("hello"));
      }
    });
    const loud = await bench.client(proxy);
    const mute = await bench.client(proxy, proxy.ports[1]!, "127.0.0.2");
    for (const client of [loud, mute]) {
      client.write(get("/", "Referer: http://r/\r\nUser-Agent: u\r\n"));
      await readAnswer(client);
    }
    await proxy.quiet();
    assert.equal(proxy.log().length, 1);
    assert.match(proxy.log()[0]!, /"GET \/ HTTP\/1\.1" 200 5 "http:\/\/r\/" "u"/);
  });
});
