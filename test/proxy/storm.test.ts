import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { PAGE_SIZES } from "#io/pages.ts";
import { get, readAnswer } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import type { RawServer } from "#kit/raw-server.ts";

/**
 * Everything at once, in random order: clients that ask, stall, leave; servers that answer, fall
 * silent, break off; servers that go down and come back, new configurations, time that jumps.
 * Nobody may get an answer that is another's or looks whole and is not, and in the end nothing may
 * be left.
 */
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("ask" as const), n: fc.nat(7) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("post" as const), n: fc.nat(7) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("tunnel" as const), n: fc.nat(7) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("part" as const), n: fc.nat(7) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("leave" as const), n: fc.nat(7) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("answer" as const), n: fc.nat(7) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("hang up" as const), n: fc.nat(7) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("health" as const), n: fc.nat(7) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("kill" as const), n: fc.nat(7) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("reload" as const), n: fc.nat(7) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("time" as const), n: fc.nat(7) }) },
  ),
  { minLength: 10, maxLength: 80 },
);

const NAMES = ["a", "b"];

/**
 * A configuration for each number: limits, a queue, persistence, retries, with and without one
 * server.
 */
function configuration(servers: readonly RawServer[], n: number): string {
  const list = servers.slice(0, n % 4 === 3 ? 1 : 2).map((s, i) => {
    const limit = n % 2 === 0 ? ", maxConnections: 2" : "";
    return `${NAMES[i]}: { address: "127.0.0.1:${s.port}"${limit} }`;
  });
  const rules = n >= 4 ? `, rules: [{ when: { path: /denied }, deny: 403 }]` : "";
  return [
    `frontends: { web: { bind: "127.0.0.1:0", default: web${rules} } }`,
    `backends: { web: { servers: { ${list} }, queue: { limit: 3 }, cookie: { name: s },`,
    `  retryOn: [connect, empty, timeout], reuse: always, balance: ${n % 3 ? "leastconn" : "roundrobin"} } }`,
  ].join("\n");
}

interface Pending {
  readonly id: string;
  readonly peer: Peer;
  readonly upgrade: boolean;
}

const body = (id: string): string => `${id}.`.repeat(id.length % 3 === 0 ? 3 : 9000);

class Storm {
  readonly proxy: TestProxy;
  readonly connect: () => Promise<Peer>;
  readonly servers: readonly RawServer[];
  readonly clients: (Peer | undefined)[] = [];
  readonly pending: Pending[] = [];
  readonly faults: string[] = [];
  #requests = 0;

  constructor(proxy: TestProxy, servers: readonly RawServer[], connect: () => Promise<Peer>) {
    this.proxy = proxy;
    this.servers = servers;
    this.connect = connect;
    for (const server of servers) server.serve((peer) => this.#serve(peer));
  }

  async #serve(peer: Peer): Promise<void> {
    for (;;) {
      const head = await peer.head();
      const id = /^\w+ \/(\w+)/.exec(head)![1]!;
      this.pending.push({ id, peer, upgrade: /upgrade/i.test(head) });
      const length = /content-length: (\d+)/i.exec(head);
      if (length) {
        const got = (await peer.take(Number(length[1]))).toString("latin1");
        if (got !== body(id)) this.faults.push(`${id}: another's upload`);
      }
    }
  }

  /** Reads whatever comes; an answer of 200 must be the client's own and whole. */
  async #hear(client: Peer, asked: string[]): Promise<void> {
    for (;;) {
      const answer = await readAnswer(client).catch(() => undefined);
      if (!answer || answer.status === 101) return;
      const id = asked.shift();
      if (answer.status !== 200) continue;
      if (id === undefined || answer.body.toString("latin1") !== body(id)) {
        this.faults.push(`${id}: not its answer`);
      }
    }
  }

  async #client(n: number): Promise<{ client: Peer; asked: string[] }> {
    const known = this.clients[n];
    if (known && !known.ended) return { client: known, asked: this.#asked[n]! };
    known?.destroy();
    const client = await this.connect();
    this.clients[n] = client;
    this.#asked[n] = [];
    void this.#hear(client, this.#asked[n]!);
    return { client, asked: this.#asked[n]! };
  }

  readonly #asked: string[][] = [];

  async step(what: string, n: number): Promise<void> {
    const id = `r${this.#requests++}`;
    switch (what) {
      case "ask":
      case "post":
      case "tunnel": {
        const { client, asked } = await this.#client(n);
        asked.push(id);
        const sticky = n % 3 === 0 ? `Cookie: s=${NAMES[n % 2]}\r\n` : "";
        if (what === "post") {
          const head = `POST /${id} HTTP/1.1\r\nHost: x\r\nContent-Length: ${body(id).length}\r\n\r\n`;
          client.write(head + body(id));
        } else if (what === "ask") client.write(get(`/${id}`, sticky));
        else client.write(get(`/${id}`, "Connection: upgrade\r\nUpgrade: x\r\n"));
        break;
      }
      case "part": {
        const { client, asked } = await this.#client(n);
        asked.push(id);
        client.write(`POST /${id} HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\nsome`);
        break;
      }
      case "leave":
        if (n % 2) this.clients[n]?.reset();
        else this.clients[n]?.end();
        break;
      default:
        await this.#act(what, n);
    }
    if (n % 2 === 0) await nextTurn();
    else await this.proxy.quiet();
  }

  async #act(what: string, n: number): Promise<void> {
    const next = this.pending.splice(n % Math.max(1, this.pending.length), 1)[0];
    switch (what) {
      case "answer":
        if (next?.upgrade)
          next.peer.write("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
        else if (next) {
          const text = body(next.id);
          next.peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
        }
        return;
      case "hang up":
        if (n % 3 === 0) next?.peer.write("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\npart");
        if (n % 2) next?.peer.reset();
        else next?.peer.end();
        return;
      case "health":
        if (this.proxy.plan.backends[0]!.servers.length === 2) {
          this.proxy.server("web", NAMES[n % 2]!, { EFFECTIVE: n < 4 ? 0 : 256, STICKY: n & 1 });
        }
        break;
      case "kill":
        this.proxy.server("web", "a", { KILL: this.#requests });
        break;
      case "reload":
        await this.proxy.reload(configuration(this.servers, n));
        break;
      default:
        await this.proxy.advance([30, 1000, 5000, 9000, 30_000, 61_000, 300, 4_000_000][n]!);
    }
    if (next) this.pending.push(next);
  }
}

overProxies("a storm", (proxyTest) => {
  proxyTest("nothing gets lost, mixed up or left behind", async (bench) => {
    let run = 0;
    const end = performance.now() + MOST_MS;
    const property = fc.asyncProperty(steps, async (list) => {
      if (performance.now() > end) return;
      run++;
      const servers = [await bench.server(), await bench.server()];
      const proxy = bench.proxy(configuration(servers, 0));
      const storm = new Storm(proxy, servers, () => bench.client(proxy));
      for (const { do: what, n } of list) await storm.step(what, n);
      for (const client of storm.clients) client?.destroy();
      for (const server of servers) server.stop();
      await proxy.empty();
      const left = proxy.left();
      proxy.stop();
      assert.deepEqual(storm.faults, []);
      const { connections, exchanges, pageBytes, upstreams, gauges } = left;
      const clean = {
        connections: 0,
        exchanges: 0,
        pageBytes: PAGE_SIZES[0]!,
        upstreams: 0,
        gauges: [],
      };
      assert.deepEqual({ connections, exchanges, pageBytes, upstreams, gauges }, clean);
    });
    await fc.assert(property, { numRuns: 200 });
    assert.ok(run > 5, `${run} runs`);
  });
});

/** Runs that have not begun by then are left out. */
const MOST_MS = 5000;
