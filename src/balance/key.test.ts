import assert from "node:assert/strict";
import { test } from "node:test";
import { latin1 } from "#base/bytes.ts";
import { chosenKey, keySpec } from "./key.ts";
import { schedulerByName } from "./schedulers/index.ts";

test("a header's name is kept in lower case, a parameter's as it is", () => {
  assert.deepEqual(keySpec("header", { name: "X-User" }).name, latin1("x-user"));
  assert.deepEqual(keySpec("query", { name: "UserId" }).name, latin1("UserId"));
});

test("every kind has the same shape", () => {
  const spec = { kind: "source", name: latin1(""), depth: 0, length: 0, whole: false };
  assert.deepEqual(chosenKey({ name: "source", options: {} }), spec);
  assert.deepEqual(chosenKey({ name: "uri", options: { depth: 2, length: 9, whole: true } }), {
    ...spec,
    kind: "uri",
    depth: 2,
    length: 9,
    whole: true,
  });
});

test("schedulers say what they hash", () => {
  const key = (name: string, options: object) => schedulerByName(name)!.key?.(options);
  assert.equal(key("roundrobin", {}), undefined);
  assert.equal(key("source", {})?.kind, "source");
  assert.equal(key("uri", { depth: 3 })?.depth, 3);
  assert.deepEqual(key("header", { name: "Host" })?.name, latin1("host"));
  const from = { name: "query", options: { name: "id" } };
  assert.equal(key("ring", { key: from })?.kind, "query");
  assert.deepEqual(key("maglev", { key: from })?.name, latin1("id"));
});
