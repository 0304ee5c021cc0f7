import assert from "node:assert/strict";
import { test } from "node:test";
import { hashText } from "#base/hash.ts";
import { parseIp } from "#base/ip.ts";
import { parseRequest } from "#http/request-parser.ts";
import { head, LIMITS, place } from "#kit/http/read.ts";
import { keySpec } from "./key.ts";
import { NO_KEY, sourceKey } from "./key-hash.ts";
import { requestKey } from "./request-key.ts";

const PEER = parseIp("203.0.113.7")!;
const FIELDS = ["Host: a", "X-User: ann", "x-user: bob", "X-Nothing:"].join("\r\n");

/** The key of a request for a target, somewhere among other bytes. */
function keyOf(spec: ReturnType<typeof keySpec>, target = "/shop/cart?id=7&n=1"): number {
  const from = 7;
  const text = `GET ${target} HTTP/1.1\r\n${FIELDS}\r\n\r\n`;
  const bytes = place(text, from, 0x41);
  assert.equal(parseRequest(bytes, from, from + text.length, head, LIMITS), from + text.length);
  return requestKey(spec, bytes, head, PEER, 0);
}

const hashed = (text: string): number => hashText(text) >>> 1;

test("a request is hashed by what its scheduler wants of it", () => {
  assert.equal(keyOf(keySpec("source")), sourceKey(PEER, 0));
  assert.equal(keyOf(keySpec("uri")), hashed("/shop/cart"));
  assert.equal(keyOf(keySpec("uri", { depth: 1 })), hashed("/shop"));
  assert.equal(keyOf(keySpec("uri", { whole: true })), hashed("/shop/cart?id=7&n=1"));
  assert.equal(keyOf(keySpec("uri", { whole: true }), "/shop"), hashed("/shop"));
  assert.equal(keyOf(keySpec("query", { name: "n" })), hashed("1"));
  assert.equal(keyOf(keySpec("query", { name: "n" }), "/shop"), NO_KEY);
});

test("the first header field of that name counts, in any case of letters", () => {
  assert.equal(keyOf(keySpec("header", { name: "x-USER" })), hashed("ann"));
  assert.equal(keyOf(keySpec("header", { name: "X-Nothing" })), NO_KEY);
  assert.equal(keyOf(keySpec("header", { name: "X-Use" })), NO_KEY);
});
