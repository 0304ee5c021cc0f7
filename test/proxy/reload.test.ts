import assert from "node:assert/strict";
import { get, plain, readAnswer, value } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies, simple } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import type { RawServer } from "#kit/raw-server.ts";

/** Every request on a server's connections is answered with the server's name. */
function named(server: RawServer, name: string): void {
  server.serve(async (peer) => {
    for (;;) {
      await peer.head();
      peer.write(plain(name));
    }
  });
}

const body = async (client: Peer, request = get()): Promise<string> => {
  client.write(request);
  return (await readAnswer(client)).body.toString();
};

async function webSocket(bench: Bench, proxy: TestProxy, server: RawServer): Promise<[Peer, Peer]> {
  const client = await bench.client(proxy);
  client.write(get("/ws", "Connection: upgrade\r\nUpgrade: x\r\n"));
  const { peer } = await server.request();
  peer.write("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
  await client.head();
  return [client, peer];
}

const both = async ([a, b]: readonly [Peer, Peer]): Promise<void> => {
  a.write("ping");
  assert.equal((await b.take(4)).toString(), "ping");
  b.write("pong");
  assert.equal((await a.take(4)).toString(), "pong");
};

overProxies("reload", (proxyTest) => {
  proxyTest("what did not change keeps its connections", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    const tunnel = await webSocket(bench, proxy, server);
    const slow = await bench.client(proxy);
    slow.write(get("/slow"));
    const late = await server.request();
    const text = simple([server]);
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("1"));
    await readAnswer(client);
    for (let n = 0; n < 20; n++) {
      await proxy.reload(`${text}\nlog: ${n % 2 ? "httplog" : "json"}`);
      await both(tunnel);
      client.write(get());
      await peer.head();
      peer.write(plain("again"));
      assert.equal((await readAnswer(client)).body.toString(), "again");
    }
    late.peer.write(plain("late"));
    assert.equal((await readAnswer(slow)).body.toString(), "late");
    assert.equal(server.accepted, 3);
    assert.equal(proxy.messages.filter((m) => m.type === "planned").length, 20);
  });

  proxyTest("rules that changed hold for the next request of a connection", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    named(server, "old");
    assert.equal(await body(client), "old");
    await proxy.reload(simple([server], ", rules: [{ when: { path: / }, deny: 410 }]"));
    client.write(get());
    assert.equal((await readAnswer(client)).status, 410);
    assert.equal(await body(client, get("/other")), "old");
    await proxy.reload(simple([server]));
    assert.equal(await body(client), "old");
  });

  proxyTest("a frontend that goes: no new connections, the old ones end", async (bench) => {
    const server = await bench.server();
    const two = (second: boolean): string =>
      `frontends: { web: { bind: "127.0.0.1:0", default: web }${
        second ? ', more: { bind: "127.0.0.2:0", default: web }' : ""
      } }\nbackends: { web: { servers: { a: "127.0.0.1:${server.port}" } } }`;
    const proxy = bench.proxy(two(true));
    const port = proxy.ports[1]!;
    const open = () => bench.client(proxy, port, "127.0.0.2");
    const idle = await open();
    idle.write(get());
    const { peer } = await server.request();
    peer.write(plain("1"));
    await readAnswer(idle);
    await proxy.quiet();
    const busy = await open();
    busy.write(get());
    await peer.head();
    const fresh = await open();
    const tunnel = await open();
    tunnel.write(get("/", "Connection: upgrade\r\nUpgrade: x\r\n"));
    const far = await server.request();
    far.peer.write("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
    await tunnel.head();
    await proxy.reload(two(false));
    await proxy.advance(300);
    await proxy.advance(300);
    assert.equal(await idle.ending(), "end");
    await assert.rejects(open());
    peer.write(plain("last"));
    const last = await readAnswer(busy);
    assert.equal(last.body.toString(), "last");
    assert.equal(value(last, "connection"), "close");
    await both([tunnel, far.peer]);
    fresh.write(get());
    await proxy.quiet();
    const next = peer.text === "" ? await server.connection() : peer;
    await next.head();
    next.write(plain("first and last"));
    assert.equal(value(await readAnswer(fresh), "connection"), "close");
    const kept = await bench.client(proxy);
    kept.write(get());
    server.serve(async (p) => {
      await p.head();
      p.write(plain("x"));
    });
    for (const p of [peer, next])
      void p
        .head()
        .then(() => p.write(plain("x")))
        .catch(() => {});
    assert.equal((await readAnswer(kept)).status, 200);
  });

  proxyTest("a server that is replaced finishes what it has", async (bench) => {
    const [a, b] = [await bench.server(), await bench.server()];
    const proxy = bench.simple([a]);
    const client = await bench.client(proxy);
    client.write(get());
    const { peer } = await a.request();
    const tunnel = await webSocket(bench, proxy, a);
    const other = await bench.client(proxy);
    named(b, "new");
    const swapped = `frontends: { web: { bind: "127.0.0.1:0", default: web } }
backends: { web: { servers: { other: "127.0.0.1:${b.port}" } } }`;
    await proxy.reload(swapped);
    assert.equal(await body(other), "new");
    peer.write(plain("old"));
    assert.equal((await readAnswer(client)).body.toString(), "old");
    await peer.ending();
    await both(tunnel);
    assert.equal(await body(client), "new");
  });

  proxyTest("idle connections of a server that goes are closed", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    client.write(get());
    const { peer } = await server.request();
    peer.write(plain("x"));
    await readAnswer(client);
    const other = await bench.server();
    named(other, "b");
    await proxy.reload(
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }
backends: { web: { servers: { b: "127.0.0.1:${other.port}" } } }`,
    );
    await proxy.advance(30);
    assert.equal(await peer.ending(), "end");
    assert.equal(await body(client), "b");
  });

  proxyTest("a backend that goes while requests run and wait", async (bench) => {
    const [a, b] = [await bench.server(), await bench.server()];
    const config = (use: "one" | "two", backends: string): string =>
      `frontends: { web: { bind: "127.0.0.1:0", default: ${use} } }\nbackends: { ${backends} }`;
    const one = `one: { servers: { s: { address: "127.0.0.1:${a.port}", maxConnections: 1 } } }`;
    const two = `two: { servers: { s: "127.0.0.1:${b.port}" } }`;
    const proxy = bench.proxy(config("one", one));
    const running = await bench.client(proxy);
    running.write(get("/running"));
    const { peer } = await a.request();
    const waiting = await bench.client(proxy);
    waiting.write(get("/waiting"));
    await proxy.quiet();
    named(b, "two");
    await proxy.reload(config("two", two));
    const client = await bench.client(proxy);
    assert.equal(await body(client), "two");
    peer.write(plain("ran", "Connection: close\r\n"));
    assert.equal((await readAnswer(running)).body.toString(), "ran");
    const next = await a.request();
    assert.match(next.head, /\/waiting/);
    next.peer.write(plain("waited"));
    assert.equal((await readAnswer(waiting)).body.toString(), "waited");
    assert.equal(await body(waiting), "two");
    await proxy.reload(config("one", one));
    running.write(get("/back"));
    (await a.request()).peer.write(plain("back"));
    assert.equal((await readAnswer(running)).body.toString(), "back");
  });

  proxyTest("who waits for a server that goes is sent elsewhere", async (bench) => {
    const [a, b] = [await bench.server(), await bench.server()];
    const config = (servers: string): string =>
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
      `backends: { web: { cookie: { name: s }, servers: { ${servers} } } }`;
    const proxy = bench.proxy(
      config(`a: { address: "127.0.0.1:${a.port}", maxConnections: 1 }, b: "127.0.0.1:${b.port}"`),
    );
    const running = await bench.client(proxy);
    running.write(get("/", "Cookie: s=a\r\n"));
    const { peer } = await a.request();
    const waiting = await bench.client(proxy);
    waiting.write(get("/", "Cookie: s=a\r\n"));
    await proxy.quiet();
    named(b, "b");
    await proxy.reload(config(`b: "127.0.0.1:${b.port}"`));
    await proxy.advance(30);
    assert.equal((await readAnswer(waiting)).body.toString(), "b");
    peer.write(plain("a"));
    assert.equal((await readAnswer(running)).body.toString(), "a");
  });

  proxyTest("settings of a backend that changed keep its queue", async (bench) => {
    const server = await bench.server();
    const config = (queue: number): string =>
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
      `backends: { web: { queue: ${queue}, servers: { a: { address: "127.0.0.1:${server.port}", maxConnections: 1 } } } }`;
    const proxy = bench.proxy(config(10));
    const clients: Peer[] = [];
    for (let n = 0; n < 4; n++) {
      const client = await bench.client(proxy);
      client.write(get(`/${n}`));
      await proxy.quiet();
      clients.push(client);
    }
    await proxy.reload(config(20));
    const order: string[] = [];
    server.serve(async (peer) => {
      for (;;) {
        order.push((await peer.head()).split(" ")[1]!);
        peer.write(plain("x"));
      }
    });
    await Promise.all(clients.map((client) => readAnswer(client)));
    assert.deepEqual(order, ["/0", "/1", "/2", "/3"]);
  });
});
