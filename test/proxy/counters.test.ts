import assert from "node:assert/strict";
import { get, plain, readAnswer } from "#kit/answer.ts";
import { overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import {
  BACKEND,
  BACKEND_TOTALS,
  FRONTEND,
  FRONTEND_TOTALS,
  HISTOGRAM,
  SERVER_TOTALS,
  WORKER,
} from "#plan/board.ts";

interface Totals {
  readonly frontend: Readonly<Record<string, number>>;
  readonly backend: Readonly<Record<string, number>>;
  readonly server: Readonly<Record<string, number>>;
}

/** What is not zero in the rows of the first frontend, backend and server. */
function totals(proxy: TestProxy): Totals {
  const own = proxy.board.totals[0]!;
  const pick = (cells: Float64Array, columns: readonly string[]): Record<string, number> =>
    Object.fromEntries(columns.map((c, i) => [c, cells[i]!] as const).filter(([, v]) => v !== 0));
  return {
    frontend: pick(own.frontends, FRONTEND_TOTALS.columns),
    backend: pick(own.backends, BACKEND_TOTALS.columns),
    server: pick(own.servers, SERVER_TOTALS.columns),
  };
}

overProxies("counters", (proxyTest) => {
  proxyTest("an ordinary request", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    const request = get();
    client.write(request);
    const { peer } = await server.request();
    await proxy.advance(40);
    const text = plain("hello");
    peer.write(text);
    await readAnswer(client);
    await proxy.quiet();
    const common = {
      REQUESTS: 1,
      BYTES_IN: request.length,
      BYTES_OUT: text.length,
      STATUS_2XX: 1,
    };
    assert.deepEqual(totals(proxy), {
      frontend: { CONNECTIONS: 1, ...common },
      backend: common,
      server: { ...common, CONNECTS: 1, RESPONSE_MS: 40, TOTAL_MS: 40 },
    });
    const sum = (cells: Float64Array): number =>
      cells.subarray(0, HISTOGRAM.BUCKETS).reduce((a, b) => a + b, 0);
    assert.equal(sum(proxy.board.totals[0]!.frontendTimes), 1);
    assert.equal(sum(proxy.board.totals[0]!.backendTimes), 1);
  });

  proxyTest("status classes, reuse, upgrades, 1xx", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    const statuses = [200, 301, 404, 500, 503];
    client.write(get());
    const { peer } = await server.request();
    for (const [i, status] of statuses.entries()) {
      peer.write(`HTTP/1.1 103 E\r\n\r\nHTTP/1.1 ${status} S\r\nContent-Length: 0\r\n\r\n`);
      assert.equal((await readAnswer(client)).status, 103);
      assert.equal((await readAnswer(client)).status, status);
      await proxy.quiet();
      if (i === statuses.length - 1) break;
      client.write(get());
      await peer.head();
    }
    client.write(get("/", "Connection: upgrade\r\nUpgrade: x\r\n"));
    await peer.head();
    peer.write("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n").end();
    await client.head();
    client.end();
    await proxy.quiet();
    const { frontend, backend, server: own } = totals(proxy);
    assert.equal(frontend["UPGRADES"], 1);
    assert.equal(frontend["STATUS_1XX"], 6);
    for (const row of [frontend, backend, own]) {
      assert.deepEqual(
        [row["STATUS_2XX"], row["STATUS_3XX"], row["STATUS_4XX"], row["STATUS_5XX"]],
        [1, 1, 1, 2],
      );
    }
    assert.equal(own["CONNECTS"], 1);
    assert.equal(own["REUSES"], 5);
  });

  proxyTest("gauges go up and down", async (bench) => {
    const server = await bench.server();
    const proxy = bench.proxy(
      `frontends: { web: { bind: "127.0.0.1:0", default: web } }\n` +
        `backends: { web: { servers: { a: { address: "127.0.0.1:${server.port}", maxConnections: 2 } } } }`,
    );
    const clients = await Promise.all([1, 2, 3].map(() => bench.client(proxy)));
    for (const client of clients) client.write(get());
    const peers = [(await server.request()).peer, (await server.request()).peer];
    await proxy.quiet();
    const gauges = (): number[] => [
      proxy.board.frontends[FRONTEND.CONNECTIONS]!,
      proxy.board.backends[BACKEND.ACTIVE]!,
      proxy.board.backends[BACKEND.QUEUED]!,
      proxy.cell("web", "a", "ACTIVE"),
      proxy.cell("web", "a", "IDLE"),
      proxy.board.workers[WORKER.CONNECTIONS]!,
      proxy.board.workers[WORKER.UPSTREAMS]!,
    ];
    assert.deepEqual(gauges(), [3, 2, 1, 2, 0, 3, 2]);
    const own = proxy.board.totals[0]!;
    assert.deepEqual([...own.backendGauges.subarray(0, 2)], [2, 1]);
    assert.deepEqual([...own.serverGauges.subarray(0, 3)], [2, 0, 0]);
    assert.equal(own.frontendGauges[0], 3);
    peers[0]!.write(plain("x"));
    await proxy.quiet();
    assert.deepEqual(gauges().slice(0, 4), [3, 2, 0, 2]);
    for (const peer of peers) peer.write(plain("x"));
    await proxy.quiet();
    for (const peer of await Promise.all([...peers])) if (peer.text) peer.write(plain("x"));
    clients[0]!.end();
    await proxy.quiet();
    assert.equal(gauges()[0], 2);
  });

  proxyTest("the server that was asked is the one that is counted", async (bench) => {
    const servers = [await bench.server(), await bench.server()];
    const proxy = bench.simple(servers, "", ", balance: roundrobin");
    for (const server of servers) {
      server.serve(async (peer) => {
        for (;;) {
          await peer.head();
          peer.write(plain("x"));
        }
      });
    }
    const client = await bench.client(proxy);
    for (let n = 0; n < 10; n++) {
      client.write(get());
      await readAnswer(client);
    }
    await proxy.quiet();
    const own = proxy.board.totals[0]!.servers;
    assert.equal(own[SERVER_TOTALS.REQUESTS], 5);
    assert.equal(own[SERVER_TOTALS.size + SERVER_TOTALS.REQUESTS], 5);
  });

  proxyTest("passive observation: failures in a row of the server's own doing", async (bench) => {
    const { proxy, server, client } = await bench.trio();
    for (let n = 1; n <= 3; n++) {
      client.write(get());
      (await server.request()).peer.end();
      assert.equal((await readAnswer(client)).status, 502);
      assert.equal(proxy.cell("web", "a", "FAILURES"), n);
    }
    client.write("BAD\r\n\r\n");
    await client.rest();
    assert.equal(proxy.cell("web", "a", "FAILURES"), 3);
  });
});
