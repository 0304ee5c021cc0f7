import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { source } from "./source.ts";

const is = (written: unknown, address: string) =>
  meets(source, written, viewOf("GET /", [], address));

test("networks and addresses of both families", () => {
  assert.ok(is("10.0.0.0/8", "10.255.0.1"));
  assert.ok(!is("10.0.0.0/8", "11.0.0.1"));
  assert.ok(is("192.0.2.7", "192.0.2.7"));
  assert.ok(is(["10.0.0.0/8", "fd00::/8"], "fd12::1"));
  assert.ok(is("10.0.0.0/8", "::ffff:10.1.1.1"), "IPv4 in IPv6's clothes");
  assert.ok(!is("::/96", "10.1.1.1"));
  assert.ok(is("0.0.0.0/0", "203.0.113.1"));
  assert.ok(!is("0.0.0.0/0", "2001:db8::1"));
});

test("what is no network is refused", () => {
  for (const bad of ["10.0.0.1/8", "10.0.0.0/33", "example.com", []]) refusal(source.value, bad);
});
