import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import { FRONTEND_TOTALS } from "#plan/board.ts";

/** Termination flags and status of the last line of the log. */
function ending(proxy: TestProxy): string {
  const found = / (-?\d+) \d+ - - (\S\S)-- /.exec(proxy.log().at(-1) ?? "none");
  return found ? `${found[2]} ${found[1]}` : "nothing logged";
}

const timeouts = (proxy: TestProxy): number =>
  proxy.board.totals[0]!.frontends[FRONTEND_TOTALS.TIMEOUTS]!;

overProxies("timeouts", (proxyTest) => {
  proxyTest("a client that says nothing is closed without a word", async (bench) => {
    const { proxy, client } = await bench.trio(", timeouts: { request: 5s }");
    await proxy.advance(4_900);
    assert.equal(client.ended, false);
    await proxy.advance(200);
    assert.equal(await client.ending(), "end");
    assert.equal(client.received, 0);
    assert.equal(proxy.log().length, 0);
  });

  proxyTest("a head that comes drop by drop: 408 when its time is over", async (bench) => {
    const { proxy, server, client } = await bench.trio(", timeouts: { request: 5s }");
    const text = get("/", `X: ${"y".repeat(100)}\r\n`);
    client.write(text[0]!);
    for (let n = 1; n < 5; n++) {
      await proxy.advance(1_000);
      client.write(`${text[n]!}`);
    }
    await proxy.advance(1_100);
    assert.equal((await readAnswer(client)).status, 408);
    assert.equal(await client.ending(), "end");
    await proxy.quiet();
    assert.equal(ending(proxy), "cR 408");
    assert.equal(timeouts(proxy), 1);
    assert.equal(server.accepted, 0);
  });

  proxyTest("also the head of a later request, and one sent ahead", async (bench) => {
    const { proxy, server, client } = await bench.trio(", timeouts: { request: 5s }");
    client.write(get() + get().slice(0, 20));
    const { peer } = await server.request();
    await proxy.advance(20_000);
    peer.write(plain("x"));
    await readAnswer(client);
    await proxy.advance(4_900);
    assert.equal(client.ended, false);
    await proxy.advance(200);
    assert.equal((await readAnswer(client)).status, 408);
  });

  proxyTest("bytes that still come after the 408 hurt nobody", async (bench) => {
    const { proxy, client } = await bench.trio(", timeouts: { request: 5s }");
    client.write(get().slice(0, 10));
    await proxy.advance(5_100);
    client.write(get().slice(10).repeat(100));
    assert.equal((await readAnswer(client)).status, 408);
    assert.equal(await client.ending(), "end");
  });

  proxyTest("a body that stops: 408, and the server is let go", async (bench) => {
    const { proxy, server, client } = await bench.trio(", timeouts: { client: 7s }");
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n0123");
    const { peer } = await server.request();
    await proxy.advance(6_900);
    assert.equal(client.ended, false);
    await proxy.advance(200);
    assert.equal((await readAnswer(client)).status, 408);
    await peer.ending();
    await proxy.quiet();
    assert.equal(ending(proxy), "cD 408");
    assert.equal(proxy.cell("web", "a", "FAILURES"), 0);
    assert.equal(timeouts(proxy), 1);
  });

  proxyTest("a body that drips uses our patience up; a slow one does not", async (bench) => {
    for (const [bytes, lives] of [
      [1, false],
      [600, true],
    ] as const) {
      const { proxy, server, client } = await bench.trio(", timeouts: { client: 10s }");
      client.write("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
      await server.request();
      for (let n = 0; n < 30 && !client.ended; n++) {
        await proxy.advance(1_000);
        client.write(`${bytes.toString(16)}\r\n${"b".repeat(bytes)}\r\n`);
        await proxy.quiet();
      }
      if (lives) assert.equal(client.text, "");
      else assert.equal((await readAnswer(client)).status, 408);
      assert.equal(client.ended, !lives);
    }
  });

  proxyTest("a client that does not read: cut off, the server let go", async (bench) => {
    for (const framing of ["Content-Length: 50000000", "Transfer-Encoding: chunked"]) {
      const { proxy, server, client } = await bench.trio(
        ", timeouts: { client: 10s }",
        ", timeouts: { server: 5s }",
      );
      client.socket.pause();
      client.write(get());
      const { peer } = await server.request();
      peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
      const chunk = `${(1 << 20).toString(16)}\r\n${"x".repeat(1 << 20)}\r\n`;
      for (let n = 0; n < 40; n++) peer.write(chunk);
      await proxy.quiet();
      await proxy.advance(4_000);
      assert.equal(proxy.left().connections, 1, framing);
      for (let n = 0; n < 24; n++) await proxy.advance(500);
      assert.equal(proxy.left().connections, 0, framing);
      assert.equal(ending(proxy), "cD 200", framing);
      await peer.ending();
    }
  });

  proxyTest("a server that does not answer: 504", async (bench) => {
    const { proxy, server, client } = await bench.trio("", ", timeouts: { server: 12s }");
    client.write(get());
    const { peer } = await server.request();
    await proxy.advance(11_900);
    assert.equal(client.received, 0);
    await proxy.advance(200);
    assert.equal((await readAnswer(client)).status, 504);
    await peer.ending();
    await proxy.quiet();
    assert.equal(ending(proxy), "sH 504");
    assert.equal(proxy.cell("web", "a", "FAILURES"), 1);
    client.write(get());
    (await server.request()).peer.write(plain("on"));
    assert.equal((await readAnswer(client)).body.toString(), "on");
  });

  proxyTest("a server's head that comes drop by drop: 504", async (bench) => {
    const { proxy, server, client } = await bench.trio("", ", timeouts: { server: 5s }");
    client.write(get());
    const { peer } = await server.request();
    for (const letter of "HTTP/1.1 2") {
      peer.write(letter);
      await proxy.advance(600);
    }
    assert.equal((await readAnswer(client)).status, 504);
  });

  proxyTest("the server waits for the client, not we for the server", async (bench) => {
    const { proxy, server, client } = await bench.trio(
      ", timeouts: { client: 30s }",
      ", timeouts: { server: 5s }",
    );
    client.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234");
    const { peer } = await server.request();
    await proxy.advance(20_000);
    client.write("56789");
    await peer.take(10);
    await proxy.advance(4_000);
    assert.equal(client.received, 0);
    await proxy.advance(1_200);
    assert.equal((await readAnswer(client)).status, 504);
    await proxy.quiet();
    assert.equal(ending(proxy), "sH 504");
  });

  proxyTest("a client that reads slowly is not the server's fault", async (bench) => {
    const { proxy, server, client } = await bench.trio(
      ", timeouts: { client: 60s }",
      ", timeouts: { server: 5s }",
    );
    client.socket.pause();
    client.write(get());
    const { peer } = await server.request();
    peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const part = `fffff\r\n${"x".repeat(0xfffff)}\r\n`;
    for (let n = 0; n < 20; n++) peer.write(part);
    peer.write("0\r\n\r\n");
    await proxy.quiet();
    await proxy.advance(30_000);
    client.socket.resume();
    assert.equal((await readAnswer(client)).body.length, 20 * 0xfffff);
  });

  proxyTest("a server that stops in its body: the client sees it", async (bench) => {
    for (const framing of ["Content-Length: 1000", "Transfer-Encoding: chunked", "X: y"]) {
      const { proxy, server, client } = await bench.trio("", ", timeouts: { server: 9s }");
      client.write(get());
      const { peer } = await server.request();
      peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n5\r\nhello\r\n`);
      await client.head();
      await proxy.advance(8_900);
      assert.equal(client.ended, false);
      await proxy.advance(300);
      assert.equal(await client.ending(), "reset");
      await peer.ending();
      assert.equal(ending(proxy), "sD 200");
    }
  });

  proxyTest("rare events are a stream; drops of a promised length are not", async (bench) => {
    for (const [framing, lives] of [
      ["Transfer-Encoding: chunked", true],
      ["Content-Length: 1000", false],
    ] as const) {
      const { proxy, server, client } = await bench.trio("", ", timeouts: { server: 10s }");
      client.write(get());
      const { peer } = await server.request();
      peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
      for (let n = 0; n < 10 && !client.ended; n++) {
        await proxy.advance(5_000);
        peer.write("1\r\n.\r\n");
        await proxy.quiet();
      }
      assert.equal(client.ended, !lives, framing);
      if (!lives) assert.equal(ending(proxy), "sD 200");
    }
  });

  proxyTest("a server that does not accept: 503, and another is asked first", async (bench) => {
    // Nobody answers there (RFC 5737): nothing leaves a host without a route, so it is tried only
    // on Linux's own terms.
    const full = await bench.server();
    const alive = await bench.server();
    const proxy = bench.simple([full, alive], "", ", timeouts: { connect: 3s }");
    proxy.loop.driver.connect = () => {};
    const client = await bench.client(proxy);
    client.write(get());
    await proxy.quiet();
    assert.equal(proxy.cell("web", "a", "ACTIVE"), 1);
    // From here on connecting works again.
    Reflect.deleteProperty(proxy.loop.driver, "connect");
    await proxy.advance(3_100);
    const { peer } = await alive.request();
    peer.write(plain("b"));
    assert.equal((await readAnswer(client)).body.toString(), "b");
    await proxy.quiet();
    assert.match(proxy.log()[0]!, /\/\+1 0\/0 /);
    assert.equal(proxy.cell("web", "a", "FAILURES"), 1);
  });
});
