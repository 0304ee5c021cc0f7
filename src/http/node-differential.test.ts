/**
 * Against node:http's parser: what we accept it accepts too, and sees the same in it. The other way
 * round it is known to accept what two parties may read differently; those holes are listed.
 */
import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import fc from "fast-check";
import { decodePieces } from "#kit/http/chunks.ts";
import { mutated } from "#kit/http/mutate.ts";
import type { NaiveField } from "#kit/http/naive-message.ts";
import { nodeRequest, nodeResponse } from "#kit/http/node-peer.ts";
import { readRequest, readResponse } from "#kit/http/read.ts";
import { REQUESTS, RESPONSES } from "#kit/http/samples.ts";

const RUNS = { numRuns: 500 };
const CHUNKS = "5\r\nhello\r\n2;a=b\r\n, \r\n0\r\nX-Sum: 1\r\n\r\n";
const NEXT = "GET /next HTTP/1.1\r\nHost: next\r\n\r\n";

/** Node knows methods by name only. */
const nodeKnows = (method: string): boolean => http.METHODS.includes(method);

const flat = (fields: readonly NaiveField[]): string[] => fields.flatMap((f) => [f.name, f.value]);

/** A body for a head that was accepted, and its content. */
function bodyFor(framing: string, length: number): [string, string] {
  if (framing === "chunked") return [CHUNKS, decodePieces(CHUNKS, [], false).text];
  const content = framing === "length" ? "b".repeat(length) : "";
  return [content, content];
}

test("requests we accept are accepted by Node and are the same there", async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(mutated(REQUESTS), async (text) => {
      const ours = readRequest(text);
      fc.pre(typeof ours === "object" && nodeKnows(ours.method) && ours.contentLength < 100);
      const [body, content] = bodyFor(ours.framing, ours.contentLength);
      // Node refuses what comes behind a last request; we are the ones who would not read it.
      const next = ours.keepAlive ? NEXT : "";
      const theirs = await nodeRequest(text.slice(0, ours.end) + body + next);
      assert.ok(typeof theirs === "object", `Node refuses it: ${theirs}`);
      assert.deepEqual(
        [theirs.method, theirs.url, theirs.version, theirs.fields, theirs.body],
        [ours.method, ours.target, ours.version === 11 ? "1.1" : "1.0", flat(ours.fields), content],
      );
      compared++;
    }),
    RUNS,
  );
  assert.ok(compared >= RUNS.numRuns);
});

test("responses we accept are accepted by Node and are the same there", async () => {
  await fc.assert(
    fc.asyncProperty(mutated(RESPONSES), fc.boolean(), async (text, headRequest) => {
      const ours = readResponse(text, headRequest);
      fc.pre(typeof ours === "object" && ours.status >= 200 && ours.contentLength < 100);
      const [body, content] = bodyFor(ours.framing, ours.contentLength);
      const rest = ours.framing === "close" ? "until the end" : "";
      const method = headRequest ? "HEAD" : "GET";
      const theirs = await nodeResponse(text.slice(0, ours.end) + body + rest, method);
      assert.ok(typeof theirs === "object", `Node refuses it: ${theirs}`);
      assert.deepEqual(
        [theirs.status, theirs.version, theirs.fields, theirs.body],
        [ours.status, ours.version === 11 ? "1.1" : "1.0", flat(ours.fields), content + rest],
      );
    }),
    RUNS,
  );
});

const GET = "GET / HTTP/1.1\r\nHost: a\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\n";

/** [what Node accepts, an example] */
const REQUEST_HOLES: readonly (readonly [string, string])[] = [
  ["HTTP/0.9 with fields", "GET /\r\nHost: a\r\n\r\n"],
  ["HTTP/0.9 with a body", "POST / HTTP/0.9\r\nContent-Length: 3\r\n\r\nabc"],
  ["several empty lines first", `\r\n\r\n\r\n${GET}\r\n`],
  ["two spaces after the method", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a fragment in the target", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an asterisk with GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["user information in the target", "GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["another Host than the target's", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["two Host fields", `${GET}Host: b\r\n\r\n`],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["a list of Hosts", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"],
  ["a Host with path and user", "GET / HTTP/1.1\r\nHost: u@a/b\r\n\r\n"],
  ["a length with a leading zero", `${POST}Content-Length: 05\r\n\r\nhello`],
  ["codings it does not speak", `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ["chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["Connection that names Host", `${GET}Connection: host\r\n\r\n`],
  ["TRACE with a body", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"],
];

const RESPONSE_HOLES: readonly (readonly [string, string])[] = [
  ["HTTP/2.0 in a status line", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ["HTTP/0.9 in a status line", "HTTP/0.9 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ["an empty line first", "\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"],
  ["a control byte in the reason", "HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n"],
  ["a status of 600", "HTTP/1.1 600 x\r\nContent-Length: 0\r\n\r\n"],
  ["chunked before the end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, gzip\r\n\r\nabc"],
  ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"],
  ["a length with a leading zero", "HTTP/1.1 200 OK\r\nContent-Length: 03\r\n\r\nabc"],
];

test("Node's holes are not ours", async (t) => {
  for (const [what, text] of REQUEST_HOLES) {
    await t.test(what, async () => {
      assert.equal(typeof (await nodeRequest(text)), "object", "Node has closed this hole");
      assert.equal(typeof readRequest(text), "number");
    });
  }
  for (const [what, text] of RESPONSE_HOLES) {
    await t.test(what, async () => {
      assert.equal(typeof (await nodeResponse(text, "GET")), "object", "Node has closed this hole");
      assert.equal(readResponse(text), 502);
    });
  }
});
