import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "#base/bytes.ts";
import { FIELD } from "#http/head.ts";
import { viewOf } from "#kit/request.ts";
import { act, backendIndex, refusal } from "#kit/rules.ts";
import type { ActionType, HeaderEdits } from "../types.ts";
import { addHeader } from "./add-header.ts";
import { addResponseHeader } from "./add-response-header.ts";
import { deleteHeader } from "./delete-header.ts";
import { deleteResponseHeader } from "./delete-response-header.ts";
import { setHeader } from "./set-header.ts";
import { setResponseHeader } from "./set-response-header.ts";

const describe = (edits: HeaderEdits) =>
  edits.items
    .slice(0, edits.count)
    .map(({ op, name, id, line }) => [
      op,
      textOf(name, 0, name.length),
      id,
      textOf(line, 0, line.length),
    ]);

function edits(type: ActionType, written: unknown) {
  const { verdict, ended } = act(type, written, viewOf("GET /"));
  assert.ok(!ended);
  return { request: describe(verdict.request), response: describe(verdict.response) };
}

const CONTEXT = { backend: backendIndex };

const PAIRS = [
  [setHeader, setResponseHeader],
  [addHeader, addResponseHeader],
  [deleteHeader, deleteResponseHeader],
] as const;

test("edits of the request and the same of the answer", () => {
  const written = [{ "X-A": "b c", Cookie: "" }, { "X-A": ["b", "c"], Vary: "x" }, ["X-A", "via"]];
  const expected = [
    [
      ["set", "x-a", FIELD.OTHER, "X-A: b c\r\n"],
      ["set", "cookie", FIELD.COOKIE, "Cookie: \r\n"],
    ],
    [
      ["add", "x-a", FIELD.OTHER, "X-A: b\r\n"],
      ["add", "x-a", FIELD.OTHER, "X-A: c\r\n"],
      ["add", "vary", FIELD.OTHER, "Vary: x\r\n"],
    ],
    [
      ["delete", "x-a", FIELD.OTHER, ""],
      ["delete", "via", FIELD.VIA, ""],
    ],
  ];
  for (const [i, [request, response]] of PAIRS.entries()) {
    assert.deepEqual(edits(request, written[i]), { request: expected[i], response: [] });
    assert.deepEqual(edits(response, written[i]), { request: [], response: expected[i] });
  }
});

test("edits of several actions keep their order", () => {
  const { verdict } = act(setHeader, { A: "1" }, viewOf("GET /"));
  verdict.reset();
  addHeader.compile(new Map([["B", ["2"]]]), CONTEXT)(viewOf("GET /"), verdict);
  deleteHeader.compile(["C"], CONTEXT)(viewOf("GET /"), verdict);
  const ops = describe(verdict.request).map(([op, name]) => `${op} ${name}`);
  assert.deepEqual(ops, ["add b", "delete c"]);
});

test("framing and hop-by-hop fields are not for rules, in any case", () => {
  for (const name of [
    "Connection",
    "transfer-encoding",
    "CONTENT-LENGTH",
    "te",
    "Upgrade",
    "keep-alive",
    "Trailer",
    "Proxy-Connection",
    "Expect",
    "HTTP2-Settings",
  ]) {
    for (const [request, response] of PAIRS) {
      for (const type of [request, response]) {
        const written = type.name.startsWith("delete") ? name : { [name]: "x" };
        assert.match(refusal(type.value, written), /which the proxy writes itself/, type.name);
      }
    }
  }
});

test("Host may be set to a host, not added or deleted", () => {
  const [[op, , id, line]] = edits(setHeader, { Host: "a.example:80" }).request as [unknown[]];
  assert.deepEqual([op, id, line], ["set", FIELD.HOST, "Host: a.example:80\r\n"]);
  edits(setHeader, { host: "[::1]:80" });
  for (const bad of ["", "a b", "a/b", "a,b", "user@a", "a:x"]) {
    assert.match(refusal(setHeader.value, { Host: bad }), /a host with or without port/);
  }
  refusal(addHeader.value, { Host: "a.example" });
  refusal(deleteHeader.value, "host");
});

test("nothing gets into a line that ends it or opens another", () => {
  const names = ["a b", "a:", "", "a\r\n", "ä", "a\0", `x${"y".repeat(200)}`];
  for (const name of names) {
    refusal(setHeader.value, { [name]: "x" });
    refusal(addHeader.value, { [name]: "x" });
    refusal(deleteHeader.value, name);
  }
  const values = ["a\r\nX: y", "a\n", "\ra", "a\0b", "é", " a", "a\t", "\x7f", "%[src]"];
  for (const value of values) {
    refusal(setHeader.value, { "X-A": value });
    refusal(addHeader.value, { "X-A": [value] });
  }
  for (const type of [setHeader, addHeader]) refusal(type.value, {});
  refusal(addHeader.value, { "X-A": [] });
  refusal(deleteHeader.value, []);
});
