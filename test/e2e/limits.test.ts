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
  let served = 0;
  while (served < clients.length) {
    await until("somebody is served", () => waiting.length > 0);
    assert.ok(waiting.length <= 6);
    waiting.shift()!.end("in");
    served++;
  }
  await Promise.all(clients.map((client) => client.answers(1)));
});
