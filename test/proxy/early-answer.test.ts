import assert from "node:assert/strict";
import { plain, readAnswer, value } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const LENGTH = 5_000_000;
const HEAD = `POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${LENGTH}\r\n\r\n`;
const PART = Buffer.alloc(100_000, "p");

overProxies("answers before the request is whole", (proxyTest) => {
  proxyTest("an answer during an upload arrives whole, then both sides end", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(HEAD).write(PART);
    const { peer } = await server.request();
    await peer.take(1000);
    peer.write(`HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nstop`);
    const answer = await readAnswer(client);
    assert.equal(answer.status, 413);
    assert.equal(answer.body.toString(), "stop");
    assert.equal(value(answer, "connection"), "close");
    assert.equal(await client.ending(), "end");
    await peer.ending();
    await proxy.quiet();
    assert.match(proxy.log().at(-1)!, / 413 \d+ - - ---- /);
  });

  proxyTest("a client that goes on sending can still read it", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(HEAD).write(PART);
    const { peer } = await server.request();
    peer.write(plain("early")).end();
    await proxy.quiet();
    client.write(PART);
    await proxy.quiet();
    assert.equal((await readAnswer(client)).body.toString(), "early");
    assert.equal(await client.ending(), "end");
  });

  proxyTest("a client that sends for ever is cut off", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(HEAD).write(PART);
    const { peer } = await server.request();
    peer.write(plain("early")).end();
    assert.equal((await readAnswer(client)).body.toString(), "early");
    for (let n = 0; n < 30 && proxy.left().connections > 0; n++) {
      client.write(PART);
      await proxy.quiet();
    }
    assert.equal(proxy.left().connections, 0);
  });

  proxyTest("one that neither sends nor leaves is let go after a while", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(HEAD).write(PART);
    const { peer } = await server.request();
    peer.write(plain("early")).end();
    assert.equal((await readAnswer(client)).body.toString(), "early");
    await proxy.quiet();
    assert.equal(proxy.left().connections, 1);
    await proxy.advance(2_100);
    assert.equal(proxy.left().connections, 0);
  });

  proxyTest("a server that answers and resets: the answer is worth more", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(HEAD);
    const { peer } = await server.request();
    peer.write(plain("final"));
    await proxy.quiet();
    peer.reset();
    client.write(PART);
    assert.equal((await readAnswer(client)).body.toString(), "final");
    await client.ending();
  });

  proxyTest("a long answer streams while the upload goes on", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(HEAD).write(PART);
    const { peer } = await server.request();
    peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
    await client.head();
    await client.takeTo("one\r\n");
    client.write(PART);
    await proxy.quiet();
    assert.equal((await peer.take(2 * PART.length)).length, 2 * PART.length);
    peer.write("3\r\ntwo\r\n0\r\n\r\n");
    await client.takeTo("two\r\n0\r\n\r\n");
    assert.equal((await client.rest()).length, 0);
  });
});
