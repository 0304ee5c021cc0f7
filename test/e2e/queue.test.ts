import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startOrigin } from "#kit/origin.ts";
import { startWeir } from "#kit/weir.ts";

const CLIENTS = 16;
const SERVICE_MS = 10;
const ROUNDS = 12;

/** One request; its status. */
const ask = (port: number, agent: Agent): Promise<number> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, agent }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode!));
    }).on("error", reject);
  });

for (const limit of [1, 4]) {
  test(`threads take turns at a server that ${limit} may use at once`, async (t) => {
    let atOnce = 0;
    let most = 0;
    const origin = await startOrigin(t, async (_, response) => {
      most = Math.max(most, ++atOnce);
      await sleep(SERVICE_MS);
      atOnce--;
      response.end("done");
    });
    const weir = await startWeir(
      t,
      (g) => `
frontends: { web: { bind: "127.0.0.1:${g.port("web")}", default: app } }
backends:
  app:
    timeouts: { queue: 30s }
    servers: { a: { address: "127.0.0.1:${origin.port}", maxConnections: ${limit} } }
engine: { threads: 2 }
log: none
`,
    );
    const counts = Array.from({ length: CLIENTS }, () => 0);
    const total = CLIENTS * ROUNDS;
    let begun = 0;
    const client = async (i: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      while (begun < total) {
        begun++;
        assert.equal(await ask(weir.port(), agent), 200);
        counts[i]!++;
      }
      agent.destroy();
    };
    await Promise.all(counts.map((_, i) => client(i)));
    assert.equal(most, limit, "never more than the limit");
    const [least, best] = [Math.min(...counts), Math.max(...counts)];
    t.diagnostic(`answers a client: ${counts.join(" ")}`);
    // First come, first served: everybody gets about as much.
    assert.ok(least >= ROUNDS / 2 && best <= ROUNDS * 2, counts.join(" "));
  });
}

test("a queue's limit is one over all threads", async (t) => {
  const waiting: (() => void)[] = [];
  const origin = await startOrigin(t, (_, response) => {
    waiting.push(() => response.end("done"));
  });
  const weir = await startWeir(
    t,
    (g) => `
frontends: { web: { bind: "127.0.0.1:${g.port("web")}", default: app } }
backends:
  app:
    queue: { limit: 3 }
    timeouts: { queue: 30s }
    servers: { a: { address: "127.0.0.1:${origin.port}", maxConnections: 1 } }
engine: { threads: 2 }
log: none
`,
  );
  const agent = new Agent({ keepAlive: true });
  const statuses: number[] = [];
  const asked: Promise<void>[] = [];
  // One is served, three wait; two threads might each let one more in at the same moment.
  for (let i = 0; i < 12; i++) {
    asked.push(ask(weir.port(), agent).then((status) => void statuses.push(status)));
    await sleep(20);
  }
  assert.equal(statuses.filter((status) => status === 503).length, 8);
  while (statuses.length < 12) {
    waiting.shift()?.();
    await sleep(5);
  }
  await Promise.all(asked);
  assert.equal(statuses.filter((status) => status === 200).length, 4);
  agent.destroy();
});
