import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { latin1, textOf } from "#base/bytes.ts";
import { readAnswer } from "./http-answer.ts";

const read = (text: string, method = "GET") => {
  const answer = readAnswer(latin1(text), method);
  if (typeof answer === "string") return answer;
  const body = textOf(answer.body, 0, answer.body.length);
  return `${answer.status} ${JSON.stringify(body)}${answer.complete ? "" : " …"}`;
};

test("answers as servers send them", () => {
  const table: [string, string][] = [
    ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", '200 "ok"'],
    ["HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", '200 ""'],
    ["HTTP/1.1 200 \r\ncontent-length:5\r\n\r\nok", '200 "ok" …'],
    ["HTTP/1.0 404 Not Found\r\n\r\ngone", '404 "gone" …'],
    ["HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", '204 ""'],
    ["HTTP/1.1 304 Not Modified\r\n\r\n", '304 ""'],
    ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", '200 "x"'],
    ["HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", "incomplete"],
    [
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nok\r\n1\r\n!\r\n0\r\n\r\n",
      '200 "ok!"',
    ],
    ["HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\nok", '200 "ok" …'],
    ["HTTP/1.1 200 OK\r\nX: 1\r\n", "incomplete"],
    ["HTTP/1.", "incomplete"],
    ["", "incomplete"],
  ];
  for (const [text, expected] of table) assert.equal(read(text), expected, text);
  assert.equal(read("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD"), '200 ""');
});

test("what no two readers would read alike is refused", () => {
  const bad = [
    "HTTP/2 200 OK\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/1.1 2000 OK\r\n\r\n",
    "HTTP/1.1  200 OK\r\n\r\n",
    "http/1.1 200 OK\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n",
    "HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "HTTP/1.1 200 OK\r\n folded: x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nName : x\r\n\r\n",
    "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
    `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;${"x".repeat(300)}`,
    `HTTP/1.1 200 OK\r\nX: ${"a".repeat(20_000)}`,
  ];
  for (const text of bad) assert.equal(read(text), "malformed", JSON.stringify(text));
});

test("bytes that are added never take a status back, and any bytes at all are survived", () => {
  const whole =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n";
  for (let i = 0; i <= whole.length; i++) {
    const soFar = readAnswer(latin1(whole.slice(0, i)), "GET");
    assert.notEqual(soFar, "malformed", JSON.stringify(whole.slice(0, i)));
    if (typeof soFar === "object")
      assert.equal(soFar.complete, i >= whole.indexOf("0\r\n\r\n") + 3);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      readAnswer(bytes, "GET");
      readAnswer(Buffer.concat([latin1("HTTP/1.1 200 OK\r\n"), bytes]), "GET");
    }),
  );
});
