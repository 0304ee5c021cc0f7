import assert from "node:assert/strict";
import { get, plain, readAnswer, value } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

overProxies("keep-alive", (proxyTest) => {
  proxyTest("requests one after another share one connection on either side", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get("/1"));
    const peer = await server.connection();
    for (let n = 1; n <= 5; n++) {
      assert.match(await peer.head(), new RegExp(`^GET /${n} HTTP/1.1\r\n`));
      peer.write(plain(`answer ${n}`));
      const answer = await readAnswer(client);
      assert.equal(answer.body.toString(), `answer ${n}`);
      assert.equal(value(answer, "connection"), undefined);
      await proxy.quiet();
      if (n < 5) client.write(get(`/${n + 1}`));
    }
    assert.equal(server.accepted, 1);
  });

  proxyTest("a client that asks for it is closed after its answer", async (bench) => {
    const { server, client } = await bench.trio();
    client.write(get("/", "Connection: close\r\n"));
    const { head, peer } = await server.request();
    assert.doesNotMatch(head, /connection/i);
    peer.write(plain("bye"));
    const answer = await readAnswer(client);
    assert.equal(value(answer, "connection"), "close");
    assert.equal((await client.rest()).length, 0);
  });

  proxyTest("a server that closes does not close its client's connection", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    for (const body of ["one", "two"]) {
      client.write(get());
      const { peer } = await server.request();
      peer.write(plain(body, "Connection: close\r\n")).end();
      const answer = await readAnswer(client);
      assert.equal(answer.body.toString(), body);
      assert.equal(value(answer, "connection"), undefined);
      await proxy.quiet();
    }
    assert.equal(server.accepted, 2);
  });

  proxyTest("HTTP/1.0 clients are kept only when they ask for it, and are told", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write("GET /a HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    const { head, peer } = await server.request();
    assert.match(head, /^GET \/a HTTP\/1.1\r\n/);
    peer.write(plain("a"));
    const first = await readAnswer(client);
    assert.equal(value(first, "connection"), "keep-alive");
    await proxy.quiet();
    client.write("GET /b HTTP/1.0\r\nHost: x\r\n\r\n");
    await peer.head();
    peer.write(plain("b"));
    const second = await readAnswer(client);
    assert.equal(value(second, "connection"), "close");
    assert.equal((await client.rest()).length, 0);
  });

  proxyTest("an HTTP/1.0 server's connection is used again only when it says so", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    const answers = [
      "HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: keep-alive\r\n\r\n1",
      "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n2",
      plain("3"),
    ];
    client.write(get());
    let { peer } = await server.request();
    for (const [n, text] of answers.entries()) {
      peer.write(text);
      const answer = await readAnswer(client);
      assert.equal(answer.body.toString(), String(n + 1));
      await proxy.quiet();
      if (n === 2) break;
      client.write(get());
      if (n === 0) await peer.head();
      else peer = (await server.request()).peer;
    }
    assert.equal(server.accepted, 2);
  });

  proxyTest("an idle client is closed when its time is over", async (bench) => {
    const { server, client, proxy } = await bench.trio(", timeouts: { keepAlive: 20s }");
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("x"));
    await readAnswer(client);
    await proxy.advance(19_000);
    assert.equal(client.ended, false);
    await proxy.advance(1_100);
    assert.equal(await client.ending(), "end");
    assert.equal(client.text, "");
  });

  proxyTest("a client that half-closes behind its request still gets its answer", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get()).end();
    const { peer } = await server.request();
    await proxy.quiet();
    peer.write(plain("late"));
    const answer = await readAnswer(client);
    assert.equal(answer.body.toString(), "late");
    assert.equal(value(answer, "connection"), "close");
    assert.equal((await client.rest()).length, 0);
  });
});
