import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const head = (length: number): string =>
  `PUT /up HTTP/1.1\r\nHost: x\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;

overProxies("Expect: 100-continue", (proxyTest) => {
  proxyTest("the server says go, the client sends", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(head(10));
    const { head: sent, peer } = await server.request();
    assert.match(sent, /Expect: 100-continue\r\n/);
    await proxy.quiet();
    peer.write("HTTP/1.1 100 Continue\r\n\r\n");
    assert.equal((await readAnswer(client)).status, 100);
    client.write("0123456789");
    assert.equal((await peer.take(10)).toString(), "0123456789");
    peer.write(plain("stored"));
    assert.equal((await readAnswer(client)).body.toString(), "stored");
    await proxy.quiet();
    client.write(get());
    await peer.head();
    peer.write(plain("next"));
    assert.equal((await readAnswer(client)).body.toString(), "next");
  });

  proxyTest("the server refuses: its answer arrives, the connection ends", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(head(10_000_000));
    const { peer } = await server.request();
    peer.write("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    const answer = await readAnswer(client);
    assert.equal(answer.status, 417);
    assert.equal(answer.body.toString(), "no");
    assert.equal((await client.rest()).length, 0);
    await peer.ending();
  });

  proxyTest("a client that does not wait is served as well", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(`${head(4)}data`);
    const { peer } = await server.request();
    peer.write("HTTP/1.1 100 Continue\r\n\r\n");
    assert.equal((await peer.take(4)).toString(), "data");
    peer.write(plain("ok"));
    assert.equal((await readAnswer(client)).status, 100);
    assert.equal((await readAnswer(client)).body.toString(), "ok");
  });

  proxyTest("from HTTP/1.0 it is not passed on", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(
      "PUT / HTTP/1.0\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab",
    );
    const { head: sent, peer } = await server.request();
    assert.doesNotMatch(sent, /expect/i);
    await peer.take(2);
    peer.write(plain("ok"));
    assert.equal((await readAnswer(client)).status, 200);
  });

  proxyTest("an unknown expectation is refused", async (bench) => {
    const { client } = await bench.trio();
    client.write("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: coffee\r\n\r\nab");
    assert.equal((await readAnswer(client)).status, 400);
    await client.rest();
  });
});
