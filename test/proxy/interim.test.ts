import assert from "node:assert/strict";
import { get, plain, readAnswer, value } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const HINTS = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";

overProxies("interim answers", (proxyTest) => {
  proxyTest("103 and the final answer in one packet", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(HINTS + plain("final"));
    const hints = await readAnswer(client);
    assert.equal(hints.status, 103);
    assert.equal(value(hints, "link"), "</a.css>; rel=preload");
    assert.equal(value(hints, "connection"), undefined);
    const answer = await readAnswer(client);
    assert.equal(answer.body.toString(), "final");
  });

  proxyTest("several, in pieces and at once, reach the client in order", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(HINTS + HINTS.slice(0, 20));
    await proxy.quiet();
    peer.write(`${HINTS.slice(20)}HTTP/1.1 102 Processing\r\n\r\n${HINTS}`);
    await proxy.quiet();
    peer.write(plain("final"));
    const seen = [];
    for (let status = 0; status < 200; ) {
      ({ status } = await readAnswer(client));
      seen.push(status);
    }
    assert.deepEqual(seen, [103, 103, 102, 103, 200]);
  });

  proxyTest("split at every byte", async (bench) => {
    const { server, client, proxy } = await bench.trio("", ", reuse: always");
    const text = HINTS + plain("final");
    client.write(get());
    const { peer } = await server.request();
    for (let at = 1; at < text.length; at++) {
      peer.write(text.slice(0, at));
      await proxy.quiet();
      peer.write(text.slice(at));
      assert.equal((await readAnswer(client)).status, 103, `split at ${at}`);
      assert.equal((await readAnswer(client)).body.toString(), "final", `split at ${at}`);
      await proxy.quiet();
      client.write(get());
      await peer.head();
    }
    peer.write(plain(""));
    await readAnswer(client);
  });

  proxyTest("an HTTP/1.0 client sees only the final one", async (bench) => {
    const { server, client } = await bench.trio();
    client.write("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
    const { peer } = await server.request();
    peer.write(HINTS.repeat(100) + plain("final"));
    assert.equal((await readAnswer(client)).body.toString(), "final");
    await client.rest();
  });

  proxyTest("a server that dies after a 103 is reported", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(HINTS).end();
    assert.equal((await readAnswer(client)).status, 103);
    assert.equal((await readAnswer(client)).status, 502);
    await proxy.quiet();
  });

  proxyTest("102 keeps the patience with the server alive", async (bench) => {
    const { server, client, proxy } = await bench.trio("", ", timeouts: { server: 10s }");
    client.write(get());
    const { peer } = await server.request();
    for (let n = 0; n < 3; n++) {
      await proxy.advance(9_000);
      peer.write("HTTP/1.1 102 Processing\r\n\r\n");
      assert.equal((await readAnswer(client)).status, 102);
    }
    await proxy.advance(11_000);
    assert.equal((await readAnswer(client)).status, 504);
  });
});
