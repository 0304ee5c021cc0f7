import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1 } from "#base/bytes.ts";
import type { NaiveRequest } from "#kit/http/naive-request.ts";
import { head, LIMITS, place, readRequest, resultName } from "#kit/http/read.ts";
import { FIELD, Head, METHOD } from "./head.ts";
import { METHOD_NAMES } from "./method.ts";
import { NEED_MORE, parseRequest } from "./request-parser.ts";

type Accepted = readonly [why: string, text: string, facts: Partial<NaiveRequest>];

const GET = "GET / HTTP/1.1\r\nHost: a\r\n";
const POST = "POST / HTTP/1.1\r\nHost: a\r\n";
const withHost = (host: string) => `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
const withTarget = (target: string) => `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`;

const CASES: readonly Accepted[] = [
  ["an empty line first", `\r\n${GET}\r\n`, { method: "GET", end: GET.length + 4 }],
  ["origin-form", withTarget("/a/b?c=d"), { form: "origin", path: "/a/b", query: "c=d" }],
  ["an empty query", withTarget("/a?"), { path: "/a", query: "" }],
  ["a query with question marks", withTarget("/a?b?c"), { path: "/a", query: "b?c" }],
  ["a query as browsers type it", withTarget('/?q={"a|b\\c^`}<>'), { query: 'q={"a|b\\c^`}<>' }],
  ["a path with braces", withTarget("/{a|b}^`'~"), { path: "/{a|b}^`'~" }],
  [
    "a path with two slashes first",
    withTarget("//b/c"),
    { form: "origin", path: "//b/c", host: "a" },
  ],
  ["a colon in the path", withTarget("/http://x/"), { path: "/http://x/" }],
  ["encoded bytes", withTarget("/%7e%2F%C3%a4"), { path: "/%7e%2F%C3%a4" }],
  ["a broken % in the query", withTarget("/?100%"), { path: "/", query: "100%" }],
  [
    "absolute-form",
    withTarget("http://a/x?y"),
    { form: "absolute", path: "/x", query: "y", host: "a" },
  ],
  ["absolute-form without path", withTarget("HTTP://A"), { path: "", query: "", host: "A" }],
  ["absolute-form with a query alone", withTarget("https://a?b"), { path: "", query: "b" }],
  [
    "absolute-form in HTTP/1.0",
    "GET http://b:81/ HTTP/1.0\r\n\r\n",
    { form: "absolute", host: "b:81", version: 10 },
  ],
  [
    "asterisk-form",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    { form: "asterisk", target: "*", path: "" },
  ],
  ["OPTIONS of a path", "OPTIONS /x HTTP/1.1\r\nHost: a\r\n\r\n", { form: "origin", path: "/x" }],
  ["an unknown method", "M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", { method: "M-SEARCH" }],
  ["a method of 32 bytes", `${"M".repeat(32)} / HTTP/1.1\r\nHost: a\r\n\r\n`, {}],
  ["a longest target", withTarget(`/${"a".repeat(4095)}`), {}],
  ["a host name", withHost("www.example.com"), { host: "www.example.com" }],
  ["a host with a final dot", withHost("www.example.com."), { host: "www.example.com." }],
  ["a host with an underscore", withHost("my_app-1~"), {}],
  ["a host with port", withHost("a:65535"), { host: "a:65535" }],
  ["an IPv4 address", withHost("10.0.0.1:80"), {}],
  ["an IPv6 address", withHost("[2001:DB8::1]"), {}],
  ["an IPv6 address with port", withHost("[::]:8080"), { host: "[::]:8080" }],
  ["an IPv6 address in full", withHost("[1:2:3:4:5:6:7:8]"), {}],
  ["an IPv6 address with IPv4", withHost("[::ffff:10.0.0.1]"), {}],
  ["white space around the host", "GET / HTTP/1.1\r\nHost: \t a \t\r\n\r\n", { host: "a" }],
  ["no white space before the host", "GET / HTTP/1.1\r\nhost:a\r\n\r\n", { host: "a" }],
  ["HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", { host: "", version: 10, keepAlive: false }],
  ["no body", `${GET}\r\n`, { framing: "none", contentLength: 0, keepAlive: true }],
  ["a length", `${POST}Content-Length: 42\r\n\r\n`, { framing: "length", contentLength: 42 }],
  [
    "a length of nothing",
    `${POST}Content-Length: 0\r\n\r\n`,
    { framing: "length", contentLength: 0 },
  ],
  [
    "the greatest length",
    `${POST}Content-Length: 9007199254740991\r\n\r\n`,
    { contentLength: Number.MAX_SAFE_INTEGER },
  ],
  ["a length with GET", `${GET}Content-Length: 2\r\n\r\n`, { framing: "length" }],
  ["chunked", `${POST}Transfer-Encoding: chunked\r\n\r\n`, { framing: "chunked" }],
  ["chunked in capitals", `${POST}TRANSFER-ENCODING:\tChunKED \r\n\r\n`, { framing: "chunked" }],
  ["close", `${GET}Connection: close\r\n\r\n`, { keepAlive: false }],
  ["close among others", `${GET}Connection: , x ,Close,\r\n\r\n`, { keepAlive: false }],
  [
    "close in a second field",
    `${GET}Connection: x\r\nConnection: close\r\n\r\n`,
    { keepAlive: false },
  ],
  ["close and keep-alive", `${GET}Connection: keep-alive, close\r\n\r\n`, { keepAlive: false }],
  ["an empty Connection", `${GET}Connection:\r\n\r\n`, { keepAlive: true }],
  [
    "keep-alive of HTTP/1.0",
    "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
    { keepAlive: true },
  ],
  [
    "a WebSocket",
    `${GET}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    { upgrade: true, framing: "none" },
  ],
  [
    "an upgrade to one of two",
    `${GET}Connection: upgrade\r\nUpgrade: a/1 , b\r\n\r\n`,
    { upgrade: true },
  ],
  ["Upgrade that Connection does not name", `${GET}Upgrade: websocket\r\n\r\n`, { upgrade: false }],
  ["Connection: upgrade alone", `${GET}Connection: upgrade\r\n\r\n`, { upgrade: false }],
  [
    "an upgrade with a body",
    `${POST}Connection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\n`,
    { upgrade: false },
  ],
  [
    "an upgrade in HTTP/1.0",
    "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    { upgrade: false },
  ],
  [
    "an upgrade to HTTP/2, which would pass by the rules",
    `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: H2C\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
    { upgrade: false },
  ],
  [
    "an expectation",
    `${POST}Expect: 100-Continue\r\nContent-Length: 1\r\n\r\n`,
    { expectContinue: true },
  ],
  [
    "an expectation without a body",
    `${POST}Expect: 100-continue\r\n\r\n`,
    { expectContinue: false },
  ],
  [
    "an expectation in HTTP/1.0",
    "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
    { expectContinue: false },
  ],
  ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", { method: "TRACE" }],
  ["obs-text in a value", `${GET}X: \x80\xff\r\n\r\n`, {}],
  ["an empty value", `${GET}X:\r\nY: \t\r\n\r\n`, {}],
  ["every byte a name may have", `${GET}!#$%&'*+-.^_\`|~09azAZ: x\r\n\r\n`, {}],
];

for (const [why, text, facts] of CASES) {
  test(`accepted: ${why}`, () => {
    const read = readRequest(text);
    assert.ok(typeof read === "object", `refused: ${read}`);
    assert.partialDeepStrictEqual(read, { end: text.length, ...facts });
  });
}

test("names and values come without the white space around them", () => {
  const read = readRequest(`${GET}X-One: \t a \t b  \r\nx-two:\r\n\r\n`);
  assert.ok(typeof read === "object");
  assert.deepEqual(read.fields.slice(1), [
    { name: "X-One", value: "a \t b", hop: false },
    { name: "x-two", value: "", hop: false },
  ]);
});

test("fields of this connection alone are marked, and those Connection names", () => {
  const read = readRequest(
    `${GET}Connection: close, x-private ,X-OTHER,\r\nKeep-Alive: 5\r\nX-Private: 1\r\nx-other: 2\r\n` +
      "X-Private-Not: 3\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: x\r\nHTTP2-Settings: x\r\n" +
      "Proxy-Authorization: x\r\nX_Forwarded_For: 1.2.3.4\r\nContent_Length: 5\r\nX_Mine: 1\r\n" +
      "Trailer: x\r\nAccept: */*\r\n\r\n",
  );
  assert.ok(typeof read === "object");
  const kept = read.fields.filter((field) => !field.hop).map((field) => field.name);
  assert.deepEqual(kept, ["Host", "X-Private-Not", "X_Mine", "Accept"]);
});

test("Trailer is kept where trailers can come", () => {
  const read = readRequest(`${POST}Trailer: x-sum\r\nTransfer-Encoding: chunked\r\n\r\n`);
  assert.ok(typeof read === "object");
  assert.deepEqual(
    read.fields.map((field) => field.hop),
    [false, false, true],
  );
});

test("a field Connection names is dropped also when it came before", () => {
  const read = readRequest(`${GET}X-A: 1\r\nX-A: 2\r\nConnection: x-a\r\n\r\n`);
  assert.ok(typeof read === "object");
  assert.deepEqual(
    read.fields.map((field) => field.hop),
    [false, true, true, true],
  );
});

test("an expectation we do not forward is marked, one we do is not", () => {
  const hop = (text: string) => {
    const read = readRequest(text);
    assert.ok(typeof read === "object");
    return read.fields.find((field) => field.name === "Expect")?.hop;
  };
  assert.equal(hop(`${POST}Expect: 100-continue\r\nContent-Length: 1\r\n\r\n`), false);
  assert.equal(hop(`${POST}Expect: 100-continue\r\n\r\n`), true);
});

test("methods are known by their ids, in capitals only", () => {
  for (const [id, name] of METHOD_NAMES.entries()) {
    if (id === METHOD.OTHER || id === METHOD.CONNECT) continue;
    assert.equal(typeof readRequest(`${name} / HTTP/1.1\r\nHost: a\r\n\r\n`), "object");
    assert.equal(head.method, id, name);
    readRequest(`${name.toLowerCase()} / HTTP/1.1\r\nHost: a\r\n\r\n`);
    assert.equal(head.method, METHOD.OTHER);
  }
});

test("pipelined requests are taken one after the other", () => {
  const one = `${GET}X: 1\r\n\r\n`;
  const two = "HEAD /two HTTP/1.0\r\n\r\n";
  const bytes = latin1(one + two);
  const first = parseRequest(bytes, 0, bytes.length, head, LIMITS);
  assert.equal(first, one.length);
  assert.equal(head.count, 2);
  assert.equal(parseRequest(bytes, first, bytes.length, head, LIMITS), bytes.length);
  assert.equal(head.method, METHOD.HEAD);
  assert.equal(head.count, 0);
  assert.equal(head.find(FIELD.HOST), -1);
  assert.equal(parseRequest(bytes, bytes.length, bytes.length, head, LIMITS), NEED_MORE);
});

test("a head may be as large as the limit and no larger, wherever the bytes lie", () => {
  const limits = { ...LIMITS, headBytes: 64 };
  const exact = `${GET}X: ${"x".repeat(64 - GET.length - 7)}\r\n\r\n`;
  assert.equal(exact.length, 64);
  const parse = (text: string) =>
    resultName(parseRequest(place(text, 5, 0), 5, 5 + text.length, head, limits));
  assert.equal(parse(exact), 5 + 64);
  assert.equal(parse(`${exact}GET / HTTP`), 5 + 64);
  assert.equal(parse(exact.replace("X: ", "X: x")), "REQUEST_HEAD_TOO_LARGE");
  assert.equal(parse(exact.slice(0, 63)), "more");
  // Inside the request line the target is to blame, unless it has not even begun.
  limits.headBytes = 8;
  assert.equal(parse("GETGETGETGET"), "REQUEST_HEAD_TOO_LARGE");
  assert.equal(parse("GET /aaaaaaaa"), "REQUEST_URI_TOO_LONG");
  limits.headBytes = 64;
  assert.equal(parse(`GET /${"a".repeat(60)}`), "REQUEST_URI_TOO_LONG");
});

test("a Head with less room than the limit on fields is never written beyond", () => {
  const small = new Head(2);
  const bytes = latin1(`${GET}X: 1\r\nY: 1\r\n\r\n`);
  const result = parseRequest(bytes, 0, bytes.length, small, LIMITS);
  assert.equal(resultName(result), "REQUEST_HEAD_TOO_LARGE");
});
