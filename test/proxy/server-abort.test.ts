import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";

const PARTS = [
  ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"],
  ["chunks, in one", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nonly"],
  ["chunks, between two", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n"],
  [
    "chunks, before the end",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n0\r\n",
  ],
  ["chunks, in a trailer", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n"],
] as const;

overProxies("a server that goes away", (proxyTest) => {
  for (const how of ["end", "reset"] as const) {
    proxyTest(`before its answer (${how}): 502`, async (bench) => {
      const { proxy, server, client } = await bench.trio();
      client.write(get());
      (await server.request()).peer[how]();
      assert.equal((await readAnswer(client)).status, 502);
      await proxy.quiet();
      assert.match(proxy.log()[0]!, / 502 \d+ - - SH-- /);
      assert.equal(proxy.cell("web", "a", "FAILURES"), 1);
      client.write(get());
      (await server.request()).peer.write(plain("back"));
      assert.equal((await readAnswer(client)).body.toString(), "back");
      assert.equal(proxy.cell("web", "a", "FAILURES"), 0);
    });

    proxyTest(`in its head (${how}): 502`, async (bench) => {
      const { proxy, server, client } = await bench.trio();
      client.write(get());
      const { peer } = await server.request();
      peer.write("HTTP/1.1 200 OK\r\nContent-Le");
      await proxy.quiet();
      peer[how]();
      assert.equal((await readAnswer(client)).status, 502);
    });

    for (const [name, text] of PARTS) {
      proxyTest(`in its body, framed by ${name} (${how}): the client sees it`, async (bench) => {
        const { proxy, server, client } = await bench.trio();
        client.write(get());
        const { peer } = await server.request();
        peer.write(text);
        await client.head();
        await proxy.quiet();
        peer[how]();
        assert.equal(await client.ending(), "reset");
        assert.doesNotMatch(client.text, /0\r\n\r\n$/);
        await proxy.quiet();
        assert.match(proxy.log()[0]!, / 200 \d+ - - SD-- /);
      });

      proxyTest(`framed by ${name}, to HTTP/1.0 (${how}): the client sees it`, async (bench) => {
        const { proxy, server, client } = await bench.trio();
        client.write("GET / HTTP/1.0\r\nHost: x\r\n\r\n");
        const { peer } = await server.request();
        peer.write(text);
        await client.head();
        await proxy.quiet();
        peer[how]();
        assert.equal(await client.ending(), "reset");
      });
    }

    proxyTest(`in a large body (${how}): the client sees it`, async (bench) => {
      const { proxy, server, client } = await bench.trio();
      client.write(get());
      const { peer } = await server.request();
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n");
      peer.write(Buffer.alloc(1_500_000, "x"));
      await client.head();
      await client.take(1_500_000);
      await proxy.quiet();
      peer[how]();
      assert.equal(await client.ending(), "reset");
    });
  }

  proxyTest("a body without an end that is reset does not look whole", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write("HTTP/1.1 200 OK\r\n\r\npart of it");
    await client.head();
    await proxy.quiet();
    peer.reset();
    assert.equal(await client.ending(), "reset");
    assert.doesNotMatch(client.text, /0\r\n\r\n$/);
  });

  proxyTest("while it should take a body: 502", async (bench) => {
    const { server, client, proxy } = await bench.trio();
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    const { peer } = await server.request();
    client.write(Buffer.alloc(100_000));
    await proxy.quiet();
    peer.reset();
    assert.equal((await readAnswer(client)).status, 502);
    await client.ending();
    await proxy.quiet();
    assert.match(proxy.log()[0]!, / 502 \d+ - - SH-- /);
  });

  proxyTest("chunks broken in the middle: the client sees it", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n");
    await client.takeTo("good\r\n");
    await proxy.quiet();
    peer.write("oops\r\n");
    assert.equal(await client.ending(), "reset");
    await peer.ending();
    await proxy.quiet();
    assert.match(proxy.log()[0]!, / 200 \d+ - - PD-- /);
  });
});
