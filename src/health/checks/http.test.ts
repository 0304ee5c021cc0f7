import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { dial } from "#io/dial.ts";
import { inet } from "#kit/health-plan.ts";
import { SimClock } from "#kit/sim-clock.ts";
import { fallbacks, type InferFields } from "#schema/index.ts";
import type { CheckResult } from "../check.ts";
import { http } from "./http.ts";

type Options = InferFields<typeof http.options>;
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** The check's result against a node:http server. Time stands still: no deadline passes. */
async function checked(answer: Answer, options: Partial<Options> = {}): Promise<CheckResult> {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const timers = new SimClock();
  try {
    return await new Promise((report) =>
      http.start(
        { address: inet(port), backend: "web", server: "a" },
        { ...fallbacks(http.options), ...options },
        {
          timers,
          timeoutMs: 1000,
          dial: (address, dialOptions, done) => dial(timers, address, dialOptions, done),
          run: () => assert.fail("runs no program"),
          datagram: () => assert.fail("sends no datagram"),
          ping: () => assert.fail("sends no echo request"),
        },
        report,
      ),
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const status =
  (code: number): Answer =>
  (_, response) =>
    response.writeHead(code).end("body");

const verdict = ({ ok, code, detail }: CheckResult): [boolean, string, string] => [
  ok,
  code,
  detail,
];

test("2xx and 3xx pass unless told otherwise", async () => {
  assert.deepEqual(verdict(await checked(status(200))), [true, "L7OK", "status 200"]);
  assert.deepEqual(verdict(await checked(status(302))), [true, "L7OK", "status 302"]);
  const failed = await checked(status(503));
  assert.deepEqual(verdict(failed), [false, "L7STS", "status 503, expected 200-399"]);
  assert.ok((await checked(status(404), { status: ["200", "400-499"] })).ok);
  assert.equal((await checked(status(302), { status: ["200"] })).ok, false);
});

test("asks what it is told to ask", async () => {
  let seen: IncomingMessage | undefined;
  const answer: Answer = (request, response) => {
    seen = request;
    response.end();
  };
  await checked(answer, {
    method: "POST",
    path: "/health?deep=1",
    host: "shop.example",
    headers: new Map([
      ["X-Token", "s3cret value"],
      ["user-agent", "probe/1"],
    ]),
  });
  assert.deepEqual([seen!.method, seen!.url, seen!.httpVersion], ["POST", "/health?deep=1", "1.1"]);
  const { host, connection, "x-token": token, "user-agent": agent } = seen!.headers;
  assert.deepEqual(
    [host, connection, token, agent],
    ["shop.example", "close", "s3cret value", "probe/1"],
  );
  assert.equal(seen!.rawHeaders.filter((name) => /^user-agent$/i.test(name)).length, 1);
});

test("without a host of its own it names the server's address", async () => {
  let host: string | undefined;
  await checked((request, response) => {
    host = request.headers.host;
    response.end();
  });
  assert.match(host!, /^127\.0\.0\.1:\d+$/);
});

test("the body is matched, chunked or not, in its first 64 KiB", async () => {
  const ready = { body: "^(ready|grün)$" };
  assert.ok((await checked((_, r) => r.end("ready"), ready)).ok);
  const chunked = await checked((_, r) => {
    r.write("gr");
    r.end("ün");
  }, ready);
  assert.ok(chunked.ok, chunked.detail);
  const wrong = await checked((_, r) => r.end("not ready"), ready);
  assert.deepEqual([wrong.ok, wrong.code], [false, "L7RSP"]);
  const huge = await checked(
    (_, r) => {
      r.write("x".repeat(65_536));
      r.write("needle");
      // Never ended: what is asked for is known by then.
    },
    { body: "needle" },
  );
  assert.equal(huge.ok, false);
  const headOnly = await checked((_, r) => void r.write("begun, never ended"));
  assert.ok(headOnly.ok, "without a body to match, the head is enough");
});
