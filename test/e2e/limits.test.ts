import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startOrigin } from "#kit/origin.ts";
import { RawClient } from "#kit/raw-client.ts";
import { until } from "#kit/until.ts";
import { startWeir } from "#kit/weir.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

test("engine.maxConnections holds over all frontends and threads", async (t) => {
  const waiting: ServerResponse[] = [];
  const origin = await startOrigin(t, (_, response) => void waiting.push(response));
  const ports = ["web", "shop"];
  const weir = await startWeir(
    t,
    (g) => `
frontends:
  web: { bind: 127.0.0.1:${g.port("web")}, default: app }
  shop: { bind: 127.0.0.1:${g.port("shop")}, default: app }
backends:
  app: { servers: { a: 127.0.0.1:${origin.port} } }
engine: { threads: 2, maxConnections: 6 }
log: none
`,
    { ports },
  );
  const clients = await Promise.all(
    Array.from({ length: 20 }, (_, i) => RawClient.connect(t, weir.port(ports[i % 2]))),
  );
  for (const client of clients) client.send(GET);
  await until("six are served", () => waiting.length === 6);
  await sleep(300);
  assert.equal(waiting.length, 6);
  await weir.said(/The engine is full \(6 connections\): new ones wait/);
  let served = 0;
  while (served < clients.length) {
    await until("somebody is served", () => waiting.length > 0);
    assert.ok(waiting.length <= 6);
    waiting.shift()!.end("in");
    served++;
  }
  await Promise.all(clients.map((client) => client.answers(1)));
});

test("a full frontend and a full queue are told of once", async (t) => {
  const origin = await startOrigin(t, () => {});
  const weir = await startWeir(
    t,
    (g) => `
frontends:
  web: { bind: 127.0.0.1:${g.port("web")}, maxConnections: 4, default: app }
backends:
  app:
    queue: 1
    timeouts: { queue: 1m }
    servers: { a: { address: 127.0.0.1:${origin.port}, maxConnections: 1 } }
log: none
`,
  );
  const clients = await Promise.all(
    Array.from({ length: 6 }, () => RawClient.connect(t, weir.port())),
  );
  for (const client of clients) client.send(GET.replace("Connection: close\r\n", ""));
  await weir.said(/Frontend web is full \(4 connections\): new ones wait/);
  await weir.said(/The queue of backend app is full \(1 a thread\): requests are refused/);
  await sleep(2500);
  assert.equal(weir.err.match(/ is full /g)?.length, 2);
});
