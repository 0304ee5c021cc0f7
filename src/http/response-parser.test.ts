import assert from "node:assert/strict";
import { test } from "node:test";
import type { NaiveResponse } from "#kit/http/naive-response.ts";
import { head, LIMITS, place, readResponse, resultName } from "#kit/http/read.ts";
import { type Refusal, refuses } from "#kit/http/refusals.ts";
import { METHOD } from "./head.ts";
import { parseResponse } from "./response-parser.ts";

function parse(text: string): string | number {
  const end = text.length;
  return resultName(parseResponse(place(text, 0, 0), 0, end, head, LIMITS, METHOD.GET));
}

const OK = "HTTP/1.1 200 OK\r\n";
const bodiless = [100, 102, 103, 199, 204].map((status) => `HTTP/1.1 ${status} x\r\n`);

const framed: readonly Refusal[] = bodiless.flatMap((line) => [
  [`chunked with ${line.slice(9, 12)}`, `${line}Transfer-Encoding: chunked\r\n\r\n▮`] as const,
  [`a length with ${line.slice(9, 12)}`, `${line}Content-Length: 1\r\n\r\n▮`] as const,
]);

const codings: readonly Refusal[] = [
  "",
  "gzip",
  "gzip, chunked",
  "identity",
  "chunked,",
  "chunked, chunked",
  "chunked, gzip",
  "chunked;a=b",
  "xchunked",
  "chunked\x0b",
].map((coding) => [
  `Transfer-Encoding ${JSON.stringify(coding)}`,
  coding.endsWith("\x0b")
    ? `${OK}Transfer-Encoding: ${coding}▮\r\n\r\n`
    : `${OK}Transfer-Encoding: ${coding}\r\n▮\r\n`,
]);

refuses(
  "RESPONSE_MALFORMED",
  [
    ["something else", "S▮SH-2.0-OpenSSH_9.2\r\n"],
    ["an empty line first", "\r▮\nHTTP/1.1 200 OK\r\n"],
    ["lower-case http", "h▮ttp/1.1 200 OK\r\n"],
    ["HTTP/1.2", "HTTP/1.2▮ 200 OK\r\n"],
    ["HTTP/2", "HTTP/2▮ 200\r\n"],
    ["HTTP/0.9", "HTTP/0▮.9 200\r\n"],
    ["ICY", "I▮CY 200 OK\r\n"],
    ["two spaces before the status", "HTTP/1.1  ▮200 OK\r\n"],
    ["HTAB before the status", "HTTP/1.1\t▮200 OK\r\n"],
    ["two digits of status", "HTTP/1.1 20 ▮OK\r\n"],
    ["four digits of status", "HTTP/1.1 2000▮ OK\r\n"],
    ["a status below 100", "HTTP/1.1 0▮99 x\r\n"],
    ["a status above 599", "HTTP/1.1 6▮00 x\r\n"],
    ["a status with letters", "HTTP/1.1 2x▮0 OK\r\n"],
    ["a signed status", "HTTP/1.1 +▮20 OK\r\n"],
    ["HTAB after the status", "HTTP/1.1 200\t▮OK\r\n"],
    ["NUL in the reason", "HTTP/1.1 200 O\0▮K\r\n"],
    ["DEL in the reason", "HTTP/1.1 200 O\x7f▮K\r\n"],
    ["a bare LF after the status line", "HTTP/1.1 200 OK\n▮X: y\r\n\r\n"],
    ["a bare CR after the status line", "HTTP/1.1 200 OK\rX▮: y\r\n\r\n"],
    ["white space before the first field", `${OK} ▮X: y\r\n\r\n`],
    ["obs-fold", `${OK}X: y\r\n ▮z\r\n\r\n`],
    ["a space before the colon", `${OK}X ▮: y\r\n\r\n`],
    ["no field name", `${OK}:▮ y\r\n\r\n`],
    ["no colon", `${OK}xyz\r▮\n\r\n`],
    ["NUL in a value", `${OK}X: \0▮\r\n\r\n`],
    ["a bare CR in a value", `${OK}Location: /\rS▮et-Cookie: a=b\r\n\r\n`],
    ["a bare LF in a value", `${OK}Location: /\n▮Set-Cookie: a=b\r\n\r\n`],
    ["a bare LF for the empty line", `${OK}\n▮`],
    ["two equal lengths", `${OK}Content-Length: 5\r\nContent-Length: 5\r\n▮\r\n`],
    ["two lengths", `${OK}Content-Length: 5\r\nContent-Length: 6\r\n▮\r\n`],
    ["a list of lengths", `${OK}Content-Length: 5, 5\r\n▮\r\n`],
    ["a negative length", `${OK}Content-Length: -1\r\n▮\r\n`],
    ["no number for a length", `${OK}Content-Length: x\r\n▮\r\n`],
    ["a length above 2⁵³", `${OK}Content-Length: 9007199254740993\r\n▮\r\n`],
    ["length, then chunked", `${OK}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n▮\r\n`],
    ["chunked, then length", `${OK}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n▮\r\n`],
    ["chunked twice", `${OK}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n▮\r\n`],
    ["chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n▮\r\n"],
    ["1xx in HTTP/1.0", "HTTP/1.0 100 Continue\r\n\r\n▮"],
    ["101 without Upgrade", "HTTP/1.1 101 x\r\nConnection: upgrade\r\n\r\n▮"],
    ["101 without Connection", "HTTP/1.1 101 x\r\nUpgrade: websocket\r\n\r\n▮"],
    ["101 to HTTP/2", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n▮"],
    ["Connection with a bad option", `${OK}Connection: cl(ose\r\n▮\r\n`],
    ["Connection that names Set-Cookie", `${OK}Connection: set-cookie\r\n▮\r\n`],
    ["Connection that names Content-Length", `${OK}Connection: content-length\r\n▮\r\n`],
    ["Connection that names Content-Encoding", `${OK}Connection: content-encoding\r\n▮\r\n`],
    ...framed,
    ...codings,
  ],
  parse,
);

const many = Array.from({ length: 100 }, (_, i) => `X-${i}: 1\r\n`).join("");
refuses(
  "RESPONSE_HEAD_TOO_LARGE",
  [
    ["101 fields", `${OK}${many}Y▮: 1\r\n\r\n`],
    ["a status line without end", `HTTP/1.1 200 ${"a".repeat(16_384 - 13)}▮a`],
  ],
  parse,
);

type Accepted = readonly [why: string, text: string, facts: Partial<NaiveResponse>];

const WEBSOCKET = "HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

const CASES: readonly Accepted[] = [
  [
    "a length",
    `${OK}Content-Length: 5\r\n\r\n`,
    { framing: "length", contentLength: 5, keepAlive: true },
  ],
  ["chunked", `${OK}Transfer-Encoding: Chunked\r\n\r\n`, { framing: "chunked", keepAlive: true }],
  ["neither", `${OK}\r\n`, { framing: "close", keepAlive: false, reason: "OK", status: 200 }],
  ["close", `${OK}Content-Length: 5\r\nConnection: close\r\n\r\n`, { keepAlive: false }],
  [
    "HTTP/1.0",
    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
    { framing: "length", keepAlive: false },
  ],
  [
    "HTTP/1.0 that keeps alive",
    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
    { keepAlive: true },
  ],
  [
    "HTTP/1.0 that keeps alive but ends with the connection",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n",
    { framing: "close", keepAlive: false },
  ],
  ["an empty reason", "HTTP/1.1 200 \r\n\r\n", { reason: "" }],
  ["no reason, no space", "HTTP/1.1 200\r\n\r\n", { reason: "" }],
  [
    "a reason of several words",
    "HTTP/1.1 404 Not  found\there\r\n\r\n",
    { reason: "Not  found\there" },
  ],
  ["obs-text in the reason", "HTTP/1.1 500 \xe4\r\n\r\n", { reason: "\xe4" }],
  ["an unregistered status", "HTTP/1.1 599 x\r\n\r\n", { status: 599 }],
  ["100", "HTTP/1.1 100 Continue\r\n\r\n", { framing: "none", status: 100, keepAlive: true }],
  ["103", "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n", { framing: "none", status: 103 }],
  ["101", WEBSOCKET, { framing: "tunnel", upgrade: true, keepAlive: false }],
  ["204", "HTTP/1.1 204 x\r\n\r\n", { framing: "none", keepAlive: true }],
  ["204 with length 0", "HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", { framing: "none" }],
  [
    "304 with a length",
    "HTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
    { framing: "none", contentLength: 9 },
  ],
  [
    "304 with a coding",
    "HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n",
    { framing: "none" },
  ],
  [
    "205 is framed like others",
    "HTTP/1.1 205 x\r\nContent-Length: 0\r\n\r\n",
    { framing: "length" },
  ],
  [
    "no status of ours is an upgrade",
    `${OK}Connection: upgrade\r\nUpgrade: h2c\r\n\r\n`,
    { upgrade: false },
  ],
  [
    "Connection that names Transfer-Encoding",
    `${OK}Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n`,
    { framing: "chunked", keepAlive: true },
  ],
  ["two cookies", `${OK}Set-Cookie: a\r\nSet-Cookie: b\r\n\r\n`, {}],
  ["a Host field, which means nothing here", `${OK}Host: a,b\r\n\r\n`, {}],
];

for (const [why, text, facts] of CASES) {
  test(`accepted: ${why}`, () => {
    const read = readResponse(text);
    assert.ok(typeof read === "object", `refused: ${read}`);
    assert.partialDeepStrictEqual(read, { end: text.length, ...facts });
  });
}

test("the answer to HEAD has no body, whatever it announces", () => {
  for (const field of ["Content-Length: 5", "Transfer-Encoding: chunked", "X: y"]) {
    const read = readResponse(`${OK}${field}\r\n\r\n`, true);
    assert.partialDeepStrictEqual(read, { framing: "none", keepAlive: true });
  }
  assert.equal(readResponse(`${OK}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`, true), 502);
});

test("a length that says nothing is not forwarded with 204; with 304 and HEAD it is", () => {
  const hop = (text: string, headRequest: boolean) => {
    const read = readResponse(text, headRequest);
    return typeof read === "object" && read.fields[0]!.hop;
  };
  assert.equal(hop("HTTP/1.1 204 x\r\nContent-Length: 0\r\n\r\n", false), true);
  assert.equal(hop("HTTP/1.1 304 x\r\nContent-Length: 5\r\n\r\n", false), false);
  assert.equal(hop(`${OK}Content-Length: 5\r\n\r\n`, true), false);
});

test("an answer that follows another begins where the first one ends", () => {
  const text = `HTTP/1.1 100 x\r\n\r\n${OK}Content-Length: 3\r\n\r\nabc`;
  const bytes = place(text, 3, 0);
  const end = 3 + text.length;
  const first = parseResponse(bytes, 3, end, head, LIMITS, METHOD.POST);
  assert.equal(head.status, 100);
  const second = parseResponse(bytes, first, end, head, LIMITS, METHOD.POST);
  assert.equal(head.status, 200);
  assert.equal(second, end - 3);
});
