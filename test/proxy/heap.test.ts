import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import { get, plain } from "#kit/answer.ts";
import { collect } from "#kit/heap.ts";
import type { Peer } from "#kit/peer.ts";
import { overProxies } from "#kit/proxies.ts";
import type { TestProxy } from "#kit/proxy.ts";
import { WORKER } from "#plan/board.ts";

const CLIENTS = 20;
/**
 * Requests a client has under way: sent ahead, so that this process has less to do than the proxy.
 */
const AHEAD = 50;
const ROUNDS = 100;

const REQUEST = Buffer.from(
  get("/page?q=1", "User-Agent: heap\r\nCookie: a=b; s=a\r\n").repeat(AHEAD),
);
const ANSWER = plain("x".repeat(200));

/** Answers every empty line: requests without bodies end in one. */
function answerHeads(peer: Peer): void {
  peer.socket.removeAllListeners("data");
  peer.socket.on("data", (data: Buffer) => {
    let heads = 0;
    for (let at = data.indexOf("\r\n\r\n"); at >= 0; at = data.indexOf("\r\n\r\n", at + 4)) heads++;
    if (heads > 0) peer.socket.write(ANSWER.repeat(heads));
  });
}

/** One round: every client sends AHEAD requests and waits for as many answers. */
async function round(proxy: TestProxy, clients: readonly Peer[], got: number[]): Promise<void> {
  for (const [i, client] of clients.entries()) {
    got[i] = 0;
    client.socket.write(REQUEST);
  }
  while (got.some((bytes) => bytes < ANSWER.length * AHEAD)) await nextTurn();
  // Somebody reads the log, else it is full soon.
  proxy.board.workers[WORKER.LOG_TAIL] = proxy.board.workers[WORKER.LOG_HEAD]!;
}

async function heapBytes(): Promise<number> {
  for (let n = 0; n < 3; n++) {
    collect();
    await nextTurn();
  }
  return process.memoryUsage().heapUsed;
}

overProxies("the heap", (proxyTest) => {
  proxyTest("does not grow with the number of requests", async (bench) => {
    const server = await bench.server();
    const proxy = bench.simple([server], "", ", cookie: { name: s }, balance: leastconn");
    server.serve(async (peer) => answerHeads(peer));
    const got: number[] = [];
    const clients: Peer[] = [];
    for (let i = 0; i < CLIENTS; i++) {
      const client = await bench.client(proxy);
      client.socket.removeAllListeners("data");
      client.socket.on("data", (data: Buffer) => {
        got[i]! += data.length;
      });
      clients.push(client);
    }
    const before = proxy.loop.core.requests;
    for (let n = 0; n < ROUNDS / 4; n++) await round(proxy, clients, got);
    const start = await heapBytes();
    for (let n = 0; n < ROUNDS; n++) await round(proxy, clients, got);
    const grown = (await heapBytes()) - start;
    const requests = proxy.loop.core.requests - before;
    assert.equal(requests, (ROUNDS + ROUNDS / 4) * CLIENTS * AHEAD);
    assert.ok(grown < 300_000, `${grown} bytes more after ${requests} requests`);
    assert.equal(proxy.left().exchanges, 0);
  });
});
