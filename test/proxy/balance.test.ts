import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { type Bench, overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";

interface Scene {
  readonly proxy: TestProxy;
  readonly client: Peer;
  /** Connections on which a request waits to be answered, by server. */
  readonly held: Peer[][];
}

/** Three servers that answer with their name, but keep requests for /hold. */
async function scene(bench: Bench, backend: string): Promise<Scene> {
  const held: Peer[][] = [[], [], []];
  const servers = [await bench.server(), await bench.server(), await bench.server()];
  for (const [i, server] of servers.entries()) {
    server.serve(async (peer) => {
      for (;;) {
        const head = await peer.head();
        if (head.startsWith("GET /hold")) held[i]!.push(peer);
        else peer.write(plain("abc"[i]!));
      }
    });
  }
  const proxy = bench.simple(servers, "", `, reuse: never, ${backend}`);
  return { proxy, client: await bench.client(proxy), held };
}

/** Names of the servers that answered these requests, one after another. */
async function answers(client: Peer, requests: readonly string[]): Promise<string> {
  let names = "";
  for (const request of requests) {
    client.write(request);
    names += (await readAnswer(client)).body.toString();
  }
  return names;
}

const same = (count: number, request = get()): string[] => Array(count).fill(request);

overProxies("spreading requests", (proxyTest) => {
  proxyTest("in turn, by weight", async (bench) => {
    const { proxy, client } = await scene(bench, "balance: roundrobin");
    assert.equal(await answers(client, same(6)), "abcabc");
    proxy.server("web", "b", { EFFECTIVE: 2 * 256 });
    const names = await answers(client, same(40));
    assert.deepEqual(
      ["a", "b", "c"].map((name) => names.split(name).length - 1),
      [10, 20, 10],
    );
    assert.doesNotMatch(names, /bbb/);
  });

  proxyTest("to the one with fewest", async (bench) => {
    const { proxy, client, held } = await scene(bench, "balance: leastconn");
    for (let n = 0; n < 5; n++) {
      (await bench.client(proxy)).write(get("/hold"));
      await proxy.quiet();
    }
    const loads = held.map((peers) => peers.length);
    assert.deepEqual(loads.toSorted(), [1, 2, 2]);
    const least = "abc"[loads.indexOf(1)]!;
    assert.equal(await answers(client, same(3)), least.repeat(3));
  });

  proxyTest("first that has room", async (bench) => {
    const { proxy, client } = await scene(bench, "balance: first");
    assert.equal(await answers(client, same(3)), "aaa");
    proxy.server("web", "a", { MAX_CONNECTIONS: 1 });
    (await bench.client(proxy)).write(get("/hold"));
    await proxy.quiet();
    assert.equal(await answers(client, same(3)), "bbb");
  });

  proxyTest("by what the request says", async (bench) => {
    const table = [
      ["balance: { type: uri }", (n: number) => get(`/page-${n}`)],
      ["balance: { type: header, name: X-Key }", (n: number) => get("/", `X-Key: ${n}\r\n`)],
      ["balance: { type: query, name: k }", (n: number) => get(`/?x=1&k=${n}`)],
    ] as const;
    for (const [backend, ask] of table) {
      const { client } = await scene(bench, backend);
      const first = await answers(
        client,
        Array.from({ length: 30 }, (_, n) => ask(n)),
      );
      const again = await answers(
        client,
        Array.from({ length: 30 }, (_, n) => ask(n)),
      );
      assert.equal(again, first, backend);
      assert.equal(new Set(first).size, 3, backend);
    }
  });

  proxyTest("by the client's address: all of one client to one server", async (bench) => {
    const { proxy, client } = await scene(bench, "balance: source");
    const other = await bench.client(proxy);
    const names = (await answers(client, same(5))) + (await answers(other, same(5)));
    assert.equal(new Set(names).size, 1);
  });

  proxyTest("not to one that is down, and not to a backup before its time", async (bench) => {
    const { proxy, client } = await scene(bench, "balance: roundrobin");
    proxy.server("web", "b", { EFFECTIVE: 0 });
    assert.equal(await answers(client, same(4)), "acac");
    proxy.server("web", "b", { EFFECTIVE: 256 });
    assert.match(await answers(client, same(6)), /b/);
  });

  proxyTest("sessions of a server that is killed end, new ones go elsewhere", async (bench) => {
    const { proxy, client, held } = await scene(bench, "balance: roundrobin");
    const waiting = await bench.client(proxy);
    waiting.write(get("/hold"));
    await proxy.quiet();
    assert.equal(held[0]!.length, 1);
    proxy.server("web", "a", { EFFECTIVE: 0, KILL: 1 });
    await proxy.advance(30);
    await waiting.ending();
    assert.match(proxy.log()[0]!, / -1 \d+ - - DD-- /);
    assert.equal(await answers(client, same(4)), "bcbc");
  });
});
