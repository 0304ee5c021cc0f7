import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { get, plain, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { overProxies } from "#kit/proxies.ts";

const MIB = 1 << 20;
const BLOCK = Buffer.alloc(MIB, "0123456789abcdefg");

/** Kernel buffers on the way take some; most of what is offered must stay with the writer. */
const MOST_TAKEN = 24 * MIB;

/** Bytes that left the peer for its kernel. */
const written = (peer: Peer): number => peer.socket.bytesWritten - peer.socket.writableLength;

overProxies("back-pressure", (proxyTest) => {
  for (const [framing, chunked] of [
    [`Content-Length: ${50 * MIB}`, false],
    ["Transfer-Encoding: chunked", true],
  ] as const) {
    proxyTest(`a client that does not read stops its server (${framing})`, async (bench) => {
      const { proxy, server, client } = await bench.trio();
      client.socket.pause();
      client.write(get());
      const { peer } = await server.request();
      peer.write(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`);
      for (let n = 0; n < 50; n++) {
        if (chunked)
          peer
            .write(`${MIB.toString(16)}\r\n`)
            .write(BLOCK)
            .write("\r\n");
        else peer.write(BLOCK);
      }
      if (chunked) peer.write("0\r\n\r\n");
      await proxy.quiet();
      assert.ok(written(peer) < MOST_TAKEN, `${written(peer)} bytes taken`);
      assert.ok(proxy.left().pageBytes <= 200_000, `${proxy.left().pageBytes} bytes held`);
      client.socket.resume();
      assert.equal((await readAnswer(client)).body.length, 50 * MIB);
    });
  }

  for (const chunked of [false, true]) {
    proxyTest(`a server that does not read stops its client (${chunked})`, async (bench) => {
      const { proxy, server, client } = await bench.trio();
      const framing = chunked ? "Transfer-Encoding: chunked" : `Content-Length: ${50 * MIB}`;
      client.write(`POST / HTTP/1.1\r\nHost: x\r\n${framing}\r\n\r\n`);
      const { peer } = await server.request();
      peer.socket.pause();
      for (let n = 0; n < 50; n++) {
        if (chunked)
          client
            .write(`${MIB.toString(16)}\r\n`)
            .write(BLOCK)
            .write("\r\n");
        else client.write(BLOCK);
      }
      if (chunked) client.write("0\r\n\r\n");
      await proxy.quiet();
      assert.ok(written(client) < MOST_TAKEN, `${written(client)} bytes taken`);
      assert.ok(proxy.left().pageBytes <= 200_000, `${proxy.left().pageBytes} bytes held`);
      peer.socket.resume();
      await peer.until(() => peer.received >= 50 * MIB);
      if (chunked) await peer.until(() => peer.text.endsWith("0\r\n\r\n"));
      peer.write(plain("all"));
      assert.equal((await readAnswer(client)).body.toString(), "all");
    });
  }

  proxyTest("a tunnel's end that does not read stops the other", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get("/", "Connection: upgrade\r\nUpgrade: x\r\n"));
    const { peer } = await server.request();
    peer.write("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    await client.head();
    client.socket.pause();
    for (let n = 0; n < 50; n++) peer.write(BLOCK);
    await proxy.quiet();
    assert.ok(written(peer) < MOST_TAKEN, `${written(peer)} bytes taken`);
    client.socket.resume();
    await client.until(() => client.received >= 50 * MIB);
  });

  proxyTest("a hundred slow downloads and uploads at once, nothing mixed up", async (bench) => {
    const server = await bench.server();
    const proxy = bench.simple([server]);
    const size = 300_000;
    const body = (n: number): Buffer => Buffer.alloc(size, `client ${n} has its own `);
    server.serve(async (peer) => {
      for (;;) {
        const head = await peer.head();
        const n = Number(/\/(\d+) /.exec(head)![1]);
        if (head.startsWith("POST")) {
          const got = await peer.take(size);
          peer.write(plain(createHash("sha256").update(got).digest("hex")));
        } else peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n`).write(body(n));
      }
    });
    const clients = await Promise.all(Array.from({ length: 100 }, () => bench.client(proxy)));
    for (const [n, client] of clients.entries()) {
      if (n % 2) {
        client.write(`POST /${n} HTTP/1.1\r\nHost: x\r\nContent-Length: ${size}\r\n\r\n`);
        client.write(body(n));
      } else {
        client.socket.pause();
        client.write(get(`/${n}`));
      }
    }
    await proxy.quiet();
    assert.ok(proxy.left().pageBytes < 100 * 200_000);
    for (const client of clients) client.socket.resume();
    const answers = await Promise.all(clients.map((client) => readAnswer(client)));
    for (const [n, answer] of answers.entries()) {
      if (n % 2 === 0) assert.ok(answer.body.equals(body(n)), `download ${n}`);
      else {
        const sum = createHash("sha256").update(body(n)).digest("hex");
        assert.equal(answer.body.toString(), sum, `upload ${n}`);
      }
    }
  });

  proxyTest("more work than memory: refused in order, the rest is served", async (bench) => {
    const server = await bench.server();
    const proxy = bench.proxy(
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
        `backends: { web: { servers: { a: "127.0.0.1:${server.port}" } } }`,
      { engine: "memory: 4m, maxConnections: 400" },
    );
    const clients = await Promise.all(Array.from({ length: 300 }, () => bench.client(proxy)));
    const peers: Peer[] = [];
    server.serve(async (peer) => {
      await peer.head();
      peers.push(peer);
    });
    for (const client of clients) client.write(get("/", `X: ${"y".repeat(6000)}\r\n`));
    await proxy.quiet();
    const waiting = clients.filter((c) => c.received === 0 && !c.ended).length;
    assert.ok(waiting > 100 && waiting < 300, `${waiting} wait`);
    while (peers.length < waiting) await proxy.quiet();
    for (const peer of peers) peer.write(plain("served"));
    while (clients.filter((c) => c.text.endsWith("served")).length < waiting) await proxy.quiet();
    const fresh = await bench.client(proxy);
    fresh.write(get());
    await proxy.quiet();
    peers.at(-1)!.write(plain("again"));
    await fresh.until(() => fresh.received > 0);
  });
});
