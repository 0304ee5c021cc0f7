import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const HEAD = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
const BODY = "3;a=b\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT-One: 1\r\nT-Two: 2\r\n\r\n";
const SENT = "3\r\nabc\r\n10\r\n0123456789abcdef\r\n0\r\nT-One: 1\r\nT-Two: 2\r\n\r\n";

overProxies("framing of requests", (proxyTest) => {
  proxyTest("chunks and trailers split at every byte, a request behind them", async (bench) => {
    const { server, client, proxy } = await bench.trio("", ", reuse: never");
    const text = HEAD + BODY + get("/next");
    for (let at = HEAD.length - 2; at < text.length; at++) {
      client.write(text.slice(0, at));
      await proxy.quiet();
      client.write(text.slice(at));
      const { peer } = await server.request();
      assert.equal((await peer.take(SENT.length)).toString(), SENT, `split at ${at}`);
      peer.write(plain("posted"));
      assert.equal((await readAnswer(client)).body.toString(), "posted", `split at ${at}`);
      const next = await server.request();
      assert.match(next.head, /^GET \/next /, `split at ${at}`);
      next.peer.write(plain("got"));
      assert.equal((await readAnswer(client)).body.toString(), "got", `split at ${at}`);
    }
  });

  proxyTest("chunks byte by byte", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    for (const byte of HEAD + BODY + get("/next")) {
      client.write(byte);
      await proxy.quiet();
    }
    const { peer } = await server.request();
    assert.equal((await peer.take(SENT.length)).toString(), SENT);
    peer.write(plain("posted"));
    assert.equal((await readAnswer(client)).body.toString(), "posted");
    server.serve(async (next) => {
      await next.head();
      next.write(plain("got"));
    });
    await peer
      .head()
      .then(() => peer.write(plain("got")))
      .catch(() => {});
    assert.equal((await readAnswer(client)).body.toString(), "got");
  });

  const broken = [
    ["no size", "\r\n"],
    ["a sign", "-1\r\n"],
    ["a prefix", "0x10\r\n"],
    ["blank before CRLF", "3 \r\nabc\r\n0\r\n\r\n"],
    ["a bare LF", "3\nabc\r\n0\r\n\r\n"],
    ["more data than said", "3\r\nabcd\r\n0\r\n\r\n"],
    ["a size beyond all", "fffffffffffffffff\r\n"],
    ["a bare semicolon", "3;\r\nabc\r\n0\r\n\r\n"],
    ["a broken trailer", "0\r\nnot a field\r\n\r\n"],
  ] as const;

  for (const [name, body] of broken) {
    proxyTest(`${name}: 400 and the end; the server sees no whole body`, async (bench) => {
      const { server, client, proxy } = await bench.trio();
      client.write(HEAD + body);
      const answer = await readAnswer(client);
      assert.equal(answer.status, 400);
      assert.equal((await client.rest()).length, 0);
      const { peer } = await server.request();
      await peer.ending();
      assert.doesNotMatch(peer.text, /0\r\n\r\n/);
      await proxy.quiet();
      assert.match(proxy.log().at(-1)!, / 400 \d+ - - PD-- /);
    });
  }

  proxyTest("broken in the middle: the server's connection ends in an error", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(`${HEAD}3\r\nabc\r\n`);
    const { peer } = await server.request();
    assert.equal((await peer.take(8)).toString(), "3\r\nabc\r\n");
    client.write("oops\r\n");
    assert.equal((await readAnswer(client)).status, 400);
    await peer.ending();
  });
});
