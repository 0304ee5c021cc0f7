import assert from "node:assert/strict";
import { get, plain, readAnswer, value } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";

/** Sends an answer split at every byte, each time to a new request of the same client. */
async function splits(bench: Bench, answer: string, closes: boolean, body: string): Promise<void> {
  const { server, client, proxy } = await bench.trio("", ", reuse: always");
  let peer: Peer | undefined;
  for (let at = 1; at <= answer.length; at++) {
    client.write(get());
    if (closes || !peer) peer = await server.connection();
    await peer.head();
    peer.write(answer.slice(0, at));
    await proxy.quiet();
    peer.write(answer.slice(at));
    if (closes) peer.end();
    const got = await readAnswer(client);
    assert.equal(got.body.toString("latin1"), body, `split at ${at}`);
    await proxy.quiet();
  }
}

const CHUNKED =
  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
  "5;ext=1\r\nhello\r\n001\r\n \r\nA\r\nround wide\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n";

overProxies("framing of answers", (proxyTest) => {
  proxyTest("a length, split at every byte", (bench) =>
    splits(bench, plain("hello world", "X-Field: value\r\n"), false, "hello world"),
  );

  proxyTest("chunks and trailers, split at every byte", (bench) =>
    splits(bench, CHUNKED, false, "hello round wide"),
  );

  proxyTest("until the close, split at every byte", (bench) =>
    splits(bench, "HTTP/1.0 200 OK\r\nX: y\r\n\r\nall of it", true, "all of it"),
  );

  proxyTest("chunk extensions end here, trailers go on", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(CHUNKED);
    const answer = await readAnswer(client);
    assert.equal(answer.body.toString(), "hello round wide");
    assert.equal(answer.trailers, "X-Sum: 1\r\nX-More: 2\r\n");
  });

  proxyTest("trailers that could mean something else do not go on", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    const bad = "Content-Length: 7\r\nTransfer-Encoding: x\r\nHost: evil\r\nSet-Cookie: a=b\r\n";
    peer.write(
      `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${bad}Ok: 1\r\n\r\n`,
    );
    assert.equal((await readAnswer(client)).trailers, "Ok: 1\r\n");
  });

  proxyTest("an HTTP/1.0 client gets chunks without framing, and the end", async (bench) => {
    const { server, client } = await bench.trio();
    client.write("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    const { peer } = await server.request();
    peer.write(CHUNKED);
    const answer = await readAnswer(client);
    assert.equal(value(answer, "transfer-encoding"), undefined);
    assert.equal(value(answer, "connection"), "close");
    assert.equal(answer.body.toString(), "hello round wide");
  });

  proxyTest("without an end of its own: chunks for 1.1, a close for 1.0", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get());
    let { peer } = await server.request();
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
    await proxy.quiet();
    for (const part of ["one ", "two ", "three"]) {
      peer.write(part);
      await proxy.quiet();
    }
    peer.end();
    const answer = await readAnswer(client);
    assert.equal(value(answer, "transfer-encoding"), "chunked");
    assert.equal(value(answer, "connection"), undefined);
    assert.equal(answer.body.toString(), "one two three");

    client.write("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
    ({ peer } = await server.request());
    peer.write("HTTP/1.1 200 OK\r\n\r\nold").end();
    const old = await readAnswer(client);
    assert.equal(value(old, "transfer-encoding"), undefined);
    assert.equal(old.body.toString(), "old");
  });

  proxyTest("an empty answer that ends with the connection is whole", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write("HTTP/1.1 200 OK\r\n\r\n").end();
    assert.equal((await readAnswer(client)).body.length, 0);
  });

  proxyTest("a stream's parts arrive as they are sent", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\none\n\r\n");
    await client.head();
    assert.equal(await client.takeTo("one\n\r\n"), "4\r\none\n\r\n");
    await proxy.quiet();
    peer.write("4\r\ntwo\n\r\n");
    assert.equal(await client.takeTo("two\n\r\n"), "4\r\ntwo\n\r\n");
    await proxy.quiet();
    peer.write("0\r\n\r\n");
    assert.equal(await client.takeTo("0\r\n\r\n"), "0\r\n\r\n");
  });

  proxyTest("a head in pieces, then much of the body at once", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    const body = "b".repeat(200_000);
    peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\nX: `);
    await proxy.quiet();
    peer.write(`y\r\n\r\n${body}`);
    assert.equal((await readAnswer(client)).body.toString(), body);
  });

  const broken = [
    ["garbage", "SSH-2.0-OpenSSH\r\n"],
    ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"],
    [
      "length and chunks",
      "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
    ["an unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"],
    ["folded fields", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n"],
    ["a bare CR", "HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n"],
    ["chunks broken at once", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
    ["101 nobody asked for", "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"],
    ["too long a head", `HTTP/1.1 200 OK\r\nA: ${"x".repeat(20_000)}\r\n\r\n`],
    ["too many fields", `HTTP/1.1 200 OK\r\n${"A: b\r\n".repeat(200)}\r\n`],
  ] as const;

  for (const [name, text] of broken) {
    proxyTest(`${name}: 502, and the client's connection lives on`, async (bench) => {
      const { server, client, proxy } = await bench.trio();
      client.write(get());
      const { peer } = await server.request();
      peer.write(text);
      const answer = await readAnswer(client);
      assert.equal(answer.status, 502);
      assert.equal(value(answer, "connection"), undefined);
      await peer.ending();
      await proxy.quiet();
      client.write(get());
      (await server.request()).peer.write(plain("well"));
      assert.equal((await readAnswer(client)).body.toString(), "well");
    });
  }
});
