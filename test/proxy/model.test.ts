import assert from "node:assert/strict";
import { setImmediate as nextTurn } from "node:timers/promises";
import fc from "fast-check";
import { PAGE_SIZES } from "#io/pages.ts";
import { readAnswer, value } from "#kit/answer.ts";
import type { Peer } from "#kit/peer.ts";
import { overProxies } from "#kit/proxies.ts";

/**
 * Random clients and a server that does what each request's path tells it, against the simplest
 * model: a client sees the answers to its own requests, whole and in order, up to where somebody
 * broke off.
 */
interface Ask {
  /** How the server answers: framing, or the way it fails. */
  readonly kind: "length" | "chunked" | "close" | "early" | "hints" | "gone" | "cut";
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  /** Bytes of the answer's and of the request's body. */
  readonly size: number;
  readonly upload: number;
  readonly chunkedUpload: boolean;
}

interface Visit {
  readonly asks: readonly Ask[];
  /** Sizes of the pieces in which the client writes, again and again. */
  readonly pieces: readonly number[];
  /** Share of its bytes after which the client breaks off; 1 = never. */
  readonly until: number;
  readonly reset: boolean;
}

const size = fc.oneof(
  fc.constantFrom(0, 1, 4095, 4096, 8192, 16_384),
  fc.integer({ min: 0, max: 500 }),
  fc.integer({ min: 0, max: 90_000 }),
);

const ask: fc.Arbitrary<Ask> = fc.record({
  kind: fc.constantFrom("length", "length", "chunked", "close", "early", "hints", "gone", "cut"),
  method: fc.constantFrom("GET", "GET", "HEAD", "POST", "PUT"),
  size,
  upload: size,
  chunkedUpload: fc.boolean(),
});

const visit: fc.Arbitrary<Visit> = fc.record({
  asks: fc.array(ask, { minLength: 1, maxLength: 5 }),
  pieces: fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), size), { minLength: 1, maxLength: 4 }),
  until: fc.oneof(
    { weight: 3, arbitrary: fc.constant(1) },
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
  reset: fc.boolean(),
});

const text = (id: string, bytes: number): string =>
  `${id}.`.repeat(Math.ceil(bytes / (id.length + 1))).slice(0, bytes);

const chunks = (body: string): string => {
  const half = body.length >> 1;
  const parts = [body.slice(0, half), body.slice(half)].filter((part) => part !== "");
  return `${parts.map((p) => `${p.length.toString(16)}\r\n${p}\r\n`).join("")}0\r\n\r\n`;
};

const hasBody = ({ method }: Ask): boolean => method === "POST" || method === "PUT";

function write(id: string, a: Ask): string {
  const head = `${a.method} /${id}/${a.kind}/${a.size} HTTP/1.1\r\nHost: model.test\r\n`;
  if (!hasBody(a)) return `${head}\r\n`;
  const body = text(`up-${id}`, a.upload);
  if (a.chunkedUpload) return `${head}Transfer-Encoding: chunked\r\n\r\n${chunks(body)}`;
  return `${head}Content-Length: ${body.length}\r\n\r\n${body}`;
}

/** Does what the paths say; a body that is not the client's own is an error of the test. */
async function serve(peer: Peer, wrong: string[]): Promise<void> {
  for (;;) {
    const head = await peer.head();
    const [, method, id, kind, bytes] = /^(\w+) \/([^/]+)\/(\w+)\/(\d+) /.exec(head)!;
    if (kind === "gone") return void peer.end();
    const body = text(id!, Number(bytes));
    const plainly = `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`;
    if (kind === "early") peer.write(method === "HEAD" ? plainly : plainly + body);
    const length = /content-length: (\d+)/i.exec(head);
    let upload = "";
    if (length) upload = (await peer.take(Number(length[1]))).toString("latin1");
    else if (/transfer-encoding/i.test(head)) {
      for (;;) {
        const part = Number.parseInt(await peer.takeTo("\r\n"), 16);
        upload += (await peer.take(part)).toString("latin1");
        await peer.take(2);
        if (part === 0) break;
      }
    }
    if (upload !== text(`up-${id}`, upload.length)) wrong.push(`${id} got another's body`);
    if (kind === "early") continue;
    if (kind === "hints") peer.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    if (kind === "cut") {
      const part = body.slice(0, body.length >> 1);
      return void peer
        .write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length + 1}\r\n\r\n${part}`)
        .end();
    }
    const framed = method === "HEAD" ? "" : kind === "chunked" ? chunks(body) : body;
    if (kind === "chunked") peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    else if (kind === "close") peer.write("HTTP/1.1 200 OK\r\n\r\n");
    else peer.write(plainly);
    for (let at = 0; at < framed.length; at += 30_000) {
      peer.write(framed.slice(at, at + 30_000));
      await nextTurn();
    }
    if (kind === "close") return void peer.end();
  }
}

/** Writes what the client has to say in its pieces, and breaks off where it does. */
async function say(client: Peer, v: Visit, all: string): Promise<void> {
  const end = Math.floor(all.length * v.until);
  for (let at = 0, n = 0; at < end && !client.ended; n++) {
    const piece = Math.max(1, v.pieces[n % v.pieces.length]!, Math.ceil(all.length / 300));
    client.write(all.slice(at, Math.min(end, at + piece)));
    at += piece;
    await nextTurn();
  }
  if (v.until === 1) return;
  if (v.reset) client.reset();
  else client.destroy();
}

/** Reads answers as long as there are some; throws when one is not as the model has it. */
async function hear(client: Peer, v: Visit, name: string): Promise<void> {
  for (const [i, a] of v.asks.entries()) {
    const id = `${name}-${i}`;
    const toHead = a.method === "HEAD";
    const read = () => readAnswer(client, toHead);
    let answer = await read().catch(() => undefined);
    if (answer?.status === 103) {
      assert.equal(a.kind, "hints", id);
      answer = await read().catch(() => undefined);
    }
    if (answer === undefined) {
      const may = v.until < 1 || (a.kind === "cut" && !toHead);
      assert.ok(may, `${id} broke off`);
      return;
    }
    if (a.kind === "gone") assert.equal(answer.status, 502, id);
    else {
      assert.equal(answer.status, 200, id);
      if (!toHead) {
        assert.notEqual(a.kind, "cut", `${id} looks whole`);
        assert.equal(answer.body.toString("latin1") === text(id, a.size), true, `${id}'s body`);
      }
    }
    if (value(answer, "connection") === "close") {
      // Only what came before its request was whole may end the connection.
      assert.ok(v.until < 1 || (hasBody(a) && ["early", "gone", "cut"].includes(a.kind)), id);
      return;
    }
  }
}

overProxies("random clients against a model", (proxyTest) => {
  proxyTest("everybody gets what is theirs", async (bench) => {
    const server = await bench.server();
    const proxy = bench.simple([server], "", ", reuse: always");
    const wrong: string[] = [];
    server.serve((peer) => serve(peer, wrong));
    let run = 0;
    const end = performance.now() + MOST_MS;
    const property = fc.asyncProperty(
      fc.array(visit, { minLength: 1, maxLength: 6 }),
      async (list) => {
        if (performance.now() > end) return;
        run++;
        const visits = list.map(async (v, n) => {
          const name = `r${run}c${n}`;
          const client = await bench.client(proxy);
          const heard = hear(client, v, name);
          await say(client, v, v.asks.map((a, i) => write(`${name}-${i}`, a)).join(""));
          await heard;
          client.destroy();
        });
        let over = false;
        const all = Promise.all(visits).finally(() => {
          over = true;
        });
        // Time stands still, so what is at rest and not over never will be.
        for (let n = 0; n < 20 && !over; n++) await proxy.quiet();
        if (over) await all;
        else assert.fail(`at a standstill: ${JSON.stringify(proxy.left())}`);
        while (proxy.left().connections > 0) await proxy.quiet();
        const { exchanges, pageBytes } = proxy.left();
        assert.deepEqual({ exchanges, pageBytes }, { exchanges: 0, pageBytes: PAGE_SIZES[0]! });
        assert.deepEqual(wrong, []);
      },
    );
    await fc.assert(property, { numRuns: 300 });
    assert.ok(run > 10, `${run} runs`);
  });
});

/** Runs that have not begun by then are left out. */
const MOST_MS = 5000;
