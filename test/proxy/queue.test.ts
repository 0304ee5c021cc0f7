import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import type { RawServer } from "#kit/raw-server.ts";
import { BACKEND, BACKEND_TOTALS } from "#plan/board.ts";

interface Scene {
  readonly proxy: TestProxy;
  readonly servers: readonly RawServer[];
  /** Requests as they reached a server, with the connection to answer on. */
  readonly arrived: { readonly target: string; readonly server: number; readonly peer: Peer }[];
  ask(target: string, fields?: string): Promise<Peer>;
}

/** Servers with these limits. */
async function scene(bench: Bench, limits: readonly number[], backend = ""): Promise<Scene> {
  const servers = await Promise.all(limits.map(() => bench.server()));
  const arrived: Scene["arrived"] = [];
  for (const [i, server] of servers.entries()) {
    server.serve(async (peer) => {
      for (;;) arrived.push({ target: (await peer.head()).split(" ")[1]!, server: i, peer });
    });
  }
  const list = servers.map(
    (s, i) => `${"abc"[i]}: { address: "127.0.0.1:${s.port}", maxConnections: ${limits[i]} }`,
  );
  const proxy = bench.proxy(
    `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
      `backends: { web: { servers: { ${list} }${backend} } }`,
  );
  const ask = async (target: string, fields = ""): Promise<Peer> => {
    const client = await bench.client(proxy);
    client.write(get(target, fields));
    await proxy.quiet();
    return client;
  };
  return { proxy, servers, arrived, ask };
}

const queued = (proxy: TestProxy): number => proxy.board.backends[BACKEND.QUEUED]!;

overProxies("waiting for a server", (proxyTest) => {
  proxyTest("first come, first served, and never more than the limit", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [2]);
    const clients: Peer[] = [];
    for (let n = 0; n < 8; n++) clients.push(await ask(`/${n}`));
    assert.equal(proxy.cell("web", "a", "ACTIVE"), 2);
    assert.equal(queued(proxy), 6);
    for (let n = 0; n < 8; n++) {
      assert.equal(arrived.length, Math.min(8, n + 2));
      assert.equal(proxy.cell("web", "a", "ACTIVE"), Math.min(2, 8 - n));
      assert.equal(arrived[n]!.target, `/${n}`);
      arrived[n]!.peer.write(plain(String(n)));
      assert.equal((await readAnswer(clients[n]!)).body.toString(), String(n));
      await proxy.quiet();
    }
    assert.equal(queued(proxy), 0);
    // Whoever came found others waiting before: %bq.
    assert.deepEqual(
      proxy.log().map((line) => / (\d+)\/(\d+) "/.exec(line)!.slice(1).map(Number)),
      [0, 0, 0, 1, 2, 3, 4, 5].map((ahead) => [0, ahead]),
    );
  });

  proxyTest("the longest wait of the queue's timeout: 503", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1], ", timeouts: { queue: 6s }");
    const first = await ask("/first");
    const second = await ask("/second");
    await proxy.advance(3_000);
    const third = await ask("/third");
    await proxy.advance(3_100);
    assert.equal((await readAnswer(second)).status, 503);
    assert.equal(third.received, 0);
    arrived[0]!.peer.write(plain("1"));
    await readAnswer(first);
    await proxy.quiet();
    assert.deepEqual(
      arrived.map((a) => a.target),
      ["/first", "/third"],
    );
    arrived[1]!.peer.write(plain("3"));
    assert.equal((await readAnswer(third)).body.toString(), "3");
    await proxy.quiet();
    assert.match(proxy.log()[0]!, / web web\/<NOSRV> 0\/61\d\d\/-1\/-1\/61\d\d 503 \d+ - - sQ-- /);
    assert.match(proxy.log()[2]!, / web web\/a 0\/31\d\d\/0\/0\/31\d\d 200 /);
    assert.equal(proxy.board.totals[0]!.backends[BACKEND_TOTALS.QUEUE_TIMEOUTS], 1);
    second.write(get("/again"));
    await proxy.quiet();
    assert.equal(arrived.at(-1)!.target, "/again");
    arrived.at(-1)!.peer.write(plain("again"));
    assert.equal((await readAnswer(second)).body.toString(), "again");
  });

  proxyTest("a full queue: 503 at once", async (bench) => {
    const { proxy, ask } = await scene(bench, [1], ", queue: 2");
    await ask("/1");
    await ask("/2");
    await ask("/3");
    const refused = await ask("/4");
    assert.equal((await readAnswer(refused)).status, 503);
    assert.equal(queued(proxy), 2);
    assert.match(proxy.log()[0]!, / 503 \d+ - - SQ-- /);
  });

  proxyTest(
    "a place that becomes free goes to whoever waited, not to a newcomer",
    async (bench) => {
      const { proxy, arrived, ask } = await scene(bench, [1]);
      const first = await ask("/first");
      await ask("/second");
      first.write(get("/newcomer"));
      await proxy.quiet();
      arrived[0]!.peer.write(plain("1"));
      await proxy.quiet();
      assert.deepEqual(
        arrived.map((a) => a.target),
        ["/first", "/second"],
      );
      arrived[1]!.peer.write(plain("2"));
      await proxy.quiet();
      assert.equal(arrived[2]!.target, "/newcomer");
      arrived[2]!.peer.write(plain("3"));
      await proxy.quiet();
    },
  );

  proxyTest("a server that comes up takes from the queue", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1, 3]);
    proxy.server("web", "b", { EFFECTIVE: 0 });
    for (let n = 0; n < 4; n++) await ask(`/${n}`);
    assert.equal(arrived.length, 1);
    proxy.server("web", "b", { EFFECTIVE: 256 });
    await proxy.advance(30);
    assert.deepEqual(
      arrived.map((a) => a.server),
      [0, 1, 1, 1],
    );
  });

  proxyTest("a limit that is raised lets more in", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1]);
    for (let n = 0; n < 4; n++) await ask(`/${n}`);
    assert.equal(arrived.length, 1);
    proxy.server("web", "a", { MAX_CONNECTIONS: 3 });
    await proxy.advance(30);
    assert.equal(arrived.length, 3);
  });

  proxyTest("when every server is down those who wait are told", async (bench) => {
    const { proxy, ask } = await scene(bench, [1]);
    await ask("/1");
    const second = await ask("/2");
    proxy.server("web", "a", { EFFECTIVE: 0 });
    await proxy.advance(30);
    assert.equal((await readAnswer(second)).status, 503);
    assert.equal(queued(proxy), 0);
  });

  proxyTest("those who wait for one server go elsewhere when it goes down", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1, 1], ", cookie: { name: s }");
    await ask("/a", "Cookie: s=a\r\n");
    await ask("/a-too", "Cookie: s=a\r\n");
    assert.equal(proxy.cell("web", "a", "QUEUED"), 1);
    proxy.server("web", "a", { EFFECTIVE: 0 });
    await proxy.advance(30);
    assert.equal(proxy.cell("web", "a", "QUEUED"), 0);
    assert.deepEqual(
      arrived.map((a) => [a.target, a.server]),
      [
        ["/a", 0],
        ["/a-too", 1],
      ],
    );
  });

  proxyTest("those who wait for one server hold up nobody else", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1, 1], ", cookie: { name: s }, queue: 100");
    await ask("/a", "Cookie: s=a\r\n");
    await ask("/b", "Cookie: s=b\r\n");
    for (let n = 0; n < 40; n++) await ask(`/a${n}`, "Cookie: s=a\r\n");
    await ask("/any");
    const b = arrived.find((a) => a.target === "/b")!;
    b.peer.write(plain("b"));
    await proxy.quiet();
    assert.deepEqual(
      arrived.slice(2).map((a) => [a.target, a.server]),
      [["/any", 1]],
    );
    const line = proxy.log().length;
    arrived[0]!.peer.write(plain("a"));
    await proxy.quiet();
    assert.equal(arrived.at(-1)!.target, "/a0");
    arrived.at(-1)!.peer.write(plain("a0"));
    await proxy.quiet();
    assert.match(proxy.log()[line + 1]!, / 0\/0 "GET \/a0 /);
  });

  proxyTest("a key's requests wait for the key's server", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1, 1, 1], ", balance: { type: uri }");
    await ask("/same");
    await ask("/same");
    await ask("/same");
    assert.equal(arrived.length, 1);
    arrived[0]!.peer.write(plain("x"));
    await proxy.quiet();
    assert.deepEqual(new Set(arrived.map((a) => a.server)).size, 1);
    assert.equal(arrived.length, 2);
    arrived[1]!.peer.write(plain("x"));
    await proxy.quiet();
    assert.equal(arrived.length, 3);
  });

  proxyTest("a client that leaves the middle of the queue is passed over", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1]);
    await ask("/1");
    const second = await ask("/2");
    await ask("/3");
    second.reset();
    await proxy.quiet();
    assert.equal(queued(proxy), 1);
    arrived[0]!.peer.write(plain("1"));
    await proxy.quiet();
    assert.deepEqual(
      arrived.map((a) => a.target),
      ["/1", "/3"],
    );
  });

  proxyTest("an upload waits too, whole", async (bench) => {
    const { proxy, arrived, ask } = await scene(bench, [1]);
    await ask("/1");
    const client = await bench.client(proxy);
    client.write(
      `POST /up HTTP/1.1\r\nHost: x\r\nContent-Length: 20000\r\n\r\n${"u".repeat(20_000)}`,
    );
    await proxy.quiet();
    assert.equal(queued(proxy), 1);
    arrived[0]!.peer.write(plain("1"));
    await proxy.quiet();
    const { peer } = arrived[1]!;
    assert.equal(peer.text, "u".repeat(20_000));
    await peer.take(20_000);
    peer.write(plain("up"));
    assert.equal((await readAnswer(client)).body.toString(), "up");
  });
});
