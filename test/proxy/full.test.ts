import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import type { RawServer } from "#kit/raw-server.ts";
import { FRONTEND, FRONTEND_TOTALS, GLOBAL } from "#plan/board.ts";

const connections = (proxy: TestProxy, frontend = 0): number => {
  const { slot } = proxy.plan.frontends[frontend]!;
  return proxy.board.frontends[slot * FRONTEND.size + FRONTEND.CONNECTIONS]!;
};

const refused = (proxy: TestProxy): number =>
  proxy.board.totals[0]!.frontends.reduce(
    (sum, v, i) => (i % FRONTEND_TOTALS.size === FRONTEND_TOTALS.REFUSED ? sum + v : sum),
    0,
  );

/** Answers every request with its target. */
const echo = (server: RawServer): RawServer =>
  server.serve(async (peer) => {
    for (;;) {
      const head = await peer.head();
      peer.write(plain(head.split(" ")[1]!));
    }
  });

async function crowd(bench: Bench, proxy: TestProxy, count: number, port = proxy.port) {
  const clients: Peer[] = [];
  for (let i = 0; i < count; i++) {
    const client = await bench.client(proxy, port);
    client.write(get(`/${i}`));
    clients.push(client);
  }
  await proxy.advance(100);
  return clients;
}

const answered = (clients: readonly Peer[]): number =>
  clients.filter((client) => client.text.includes("200 OK")).length;

const two = (server: RawServer, web: string, more = ""): string => `
frontends:
  web: { bind: "127.0.0.1:0", default: app${web} }
  shop: { bind: "127.0.0.2:0", default: app }
backends:
  app: { servers: { a: "127.0.0.1:${server.port}" } }
${more}`;

overProxies("a full frontend", (proxyTest) => {
  proxyTest("clients beyond its limit wait, and all are served in the end", async (bench) => {
    const server = await bench.server();
    echo(server);
    const proxy = bench.simple([server], ", maxConnections: 2");
    const clients = await crowd(bench, proxy, 80);
    const gone = new Set<Peer>();
    while (gone.size < clients.length) {
      assert.ok(connections(proxy) <= 2);
      assert.equal(answered(clients), Math.min(gone.size + 2, clients.length));
      for (const client of clients) {
        if (gone.has(client) || !client.text.includes("200 OK")) continue;
        client.destroy();
        gone.add(client);
      }
      await proxy.advance(100);
    }
    assert.equal(refused(proxy), 0);
    assert.equal(connections(proxy), 0);
    const late = await bench.client(proxy);
    late.write(get("/late"));
    assert.equal((await readAnswer(late)).body.toString(), "/late");
  });

  proxyTest("another frontend goes on", async (bench) => {
    const server = await bench.server();
    echo(server);
    const proxy = bench.proxy(two(server, ", maxConnections: 1"));
    const web = await crowd(bench, proxy, 3);
    assert.equal(answered(web), 1);
    const other = await bench.client(proxy, proxy.ports[1]!, "127.0.0.2");
    other.write(get("/other"));
    assert.equal((await readAnswer(other)).body.toString(), "/other");
  });

  proxyTest("room that another thread made is found", async (bench) => {
    const server = await bench.server();
    echo(server);
    const proxy = bench.simple([server], ", maxConnections: 2");
    const row = proxy.plan.frontends[0]!.slot * FRONTEND.size;
    const gauge = row + FRONTEND.CONNECTIONS;
    Atomics.add(proxy.board.frontends, gauge, 2);
    const clients = await crowd(bench, proxy, 2);
    assert.equal(answered(clients), 0);
    Atomics.sub(proxy.board.frontends, gauge, 1);
    await proxy.advance(100);
    assert.equal(answered(clients), 1);
    Atomics.sub(proxy.board.frontends, gauge, 1);
    await proxy.advance(100);
    assert.equal(answered(clients), 2);
  });

  proxyTest("a reload with a higher limit lets in who waits", async (bench) => {
    const server = await bench.server();
    echo(server);
    const proxy = bench.proxy(two(server, ", maxConnections: 1"));
    const clients = await crowd(bench, proxy, 60);
    assert.equal(answered(clients), 1);
    await proxy.reload(two(server, ", maxConnections: 50"));
    await proxy.advance(100);
    assert.equal(answered(clients), 50);
    await proxy.reload(two(server, ", maxConnections: 3"));
    for (const client of clients.slice(0, 49)) client.destroy();
    await proxy.advance(100);
    assert.equal(connections(proxy), 3);
    assert.equal(refused(proxy), 0);
  });

  proxyTest("who was accepted and waits is let go with its frontend", async (bench) => {
    const server = await bench.server();
    echo(server);
    const proxy = bench.proxy(two(server, ", maxConnections: 1"));
    await crowd(bench, proxy, 5);
    const held = proxy.loop.core.heldCount;
    await proxy.reload(two(server, "").replace(/ {2}web:.*\n/, ""));
    await proxy.advance(1000);
    assert.equal(proxy.loop.core.heldCount, 0);
    assert.equal(refused(proxy), held);
    assert.equal(proxy.loop.core.connections, 0);
  });

  proxyTest("a pause of an operator lasts when there is room again", async (bench) => {
    const server = await bench.server();
    echo(server);
    const proxy = bench.simple([server], ", maxConnections: 1");
    const row = proxy.plan.frontends[0]!.slot * FRONTEND.size;
    const [first] = await crowd(bench, proxy, 1);
    proxy.board.frontends[row + FRONTEND.STATE] = 1;
    await proxy.advance(100);
    const late = await crowd(bench, proxy, 1);
    first!.destroy();
    await proxy.advance(100);
    assert.equal(answered(late), 0);
    proxy.board.frontends[row + FRONTEND.STATE] = 0;
    await proxy.advance(100);
    assert.equal(answered(late), 1);
  });

  proxyTest("draining does not wait for those in the kernel's queue", async (bench) => {
    const server = await bench.server();
    echo(server);
    const proxy = bench.simple([server], ", maxConnections: 1");
    const [first] = await crowd(bench, proxy, 1);
    await bench.client(proxy);
    await proxy.quiet();
    proxy.loop.handle({ type: "drain", withinMs: 60_000 });
    await proxy.advance(300);
    assert.equal(await first!.ending(), "end");
    await proxy.over();
    assert.equal(proxy.loop.ended, true);
  });

  proxyTest("the engine's limit holds over frontends", async (bench) => {
    const server = await bench.server();
    echo(server);
    const engine = "maxConnections: 3, memory: 32m";
    const proxy = bench.proxy(two(server, ", maxConnections: 2"), { engine });
    const web = await crowd(bench, proxy, 4);
    const other = await bench.client(proxy, proxy.ports[1]!, "127.0.0.2");
    other.write(get("/other"));
    assert.equal((await readAnswer(other)).status, 200);
    const last = await bench.client(proxy, proxy.ports[1]!, "127.0.0.2");
    last.write(get("/last"));
    await proxy.advance(100);
    assert.equal(last.text, "");
    assert.equal(proxy.board.global[GLOBAL.CONNECTIONS], 3);
    other.destroy();
    await proxy.advance(100);
    assert.equal((await readAnswer(last)).body.toString(), "/last");
    assert.equal(answered(web), 2);
    assert.equal(refused(proxy), 0);
  });
});
