import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const EVIL = plain("evil");

const ANSWERS = [
  ["a length", plain("good")],
  ["a length of 0", plain("")],
  ["chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n"],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n"],
  ["304", "HTTP/1.1 304 Not Modified\r\n\r\n"],
] as const;

/** Extra bytes must reach nobody: neither this client's next request nor another client. */
overProxies("more than the answer", (proxyTest) => {
  for (const [name, answer] of ANSWERS) {
    proxyTest(`after ${name}, in the same packet`, async (bench) => {
      const { server, client, proxy } = await bench.trio("", ", reuse: always");
      client.write(get("/1") + get("/2"));
      const { peer } = await server.request();
      const other = await bench.client(proxy);
      peer.write(answer + EVIL);
      other.write(get("/3"));
      assert.equal((await readAnswer(client)).status, Number(answer.slice(9, 12)));
      server.serve(async (next) => {
        for (;;) next.write(plain((await next.head()).split(" ")[1]!));
      });
      assert.equal((await readAnswer(client)).body.toString(), "/2");
      assert.equal((await readAnswer(other)).body.toString(), "/3");
      await peer.ending();
    });

    proxyTest(`after ${name}, in a packet right behind, others waiting`, async (bench) => {
      const { server, client, proxy } = await bench.trio("", ", reuse: always");
      client.write(get("/1") + get("/2"));
      const { peer } = await server.request();
      await proxy.quiet();
      peer.socket.cork();
      peer.write(answer);
      peer.socket.uncork();
      peer.write(EVIL);
      assert.equal((await readAnswer(client)).status, Number(answer.slice(9, 12)));
      server.serve(async (next) => {
        for (;;) next.write(plain((await next.head()).split(" ")[1]!));
      });
      assert.equal((await readAnswer(client)).body.toString(), "/2");
      await peer.ending();
    });
  }

  proxyTest("to HEAD, with the body of GET", async (bench) => {
    const { server, client, proxy } = await bench.trio("", ", reuse: always");
    client.write("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
    const { peer } = await server.request();
    peer.write(plain("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"));
    await readAnswer(client, true);
    await proxy.quiet();
    client.write(get());
    (await server.request()).peer.write(plain("fresh"));
    assert.equal((await readAnswer(client)).body.toString(), "fresh");
  });

  proxyTest("in a long body, split where it ends", async (bench) => {
    const { server, client, proxy } = await bench.trio("", ", reuse: always");
    const body = "x".repeat(100_000);
    for (const extra of [0, 1, 50_000]) {
      client.write(get());
      const { peer } = await server.request();
      const text = plain(body) + EVIL;
      peer.write(text.slice(0, 60_000));
      await proxy.quiet();
      peer.write(text.slice(60_000, 100_000 + extra));
      await proxy.quiet();
      peer.write(text.slice(100_000 + extra));
      assert.equal((await readAnswer(client)).body.toString(), body);
      await peer.ending();
      await proxy.quiet();
    }
    assert.equal(server.accepted, 3);
  });

  proxyTest("an idle connection that speaks up is closed", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("x"));
    await readAnswer(client);
    await proxy.quiet();
    assert.equal(proxy.cell("web", "a", "IDLE"), 1);
    peer.write(EVIL);
    await peer.ending();
    assert.equal(proxy.cell("web", "a", "IDLE"), 0);
  });
});
