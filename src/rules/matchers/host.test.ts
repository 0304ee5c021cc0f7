import assert from "node:assert/strict";
import { test } from "node:test";
import { viewOf } from "#kit/request.ts";
import { meets, refusal } from "#kit/rules.ts";
import { host } from "./host.ts";

const is = (written: unknown, name: string) =>
  meets(host, written, viewOf("GET /", [`Host: ${name}`]));

test("exact names, whatever their case, port and final dot", () => {
  for (const name of ["example.com", "EXAMPLE.com", "example.com:8080", "example.com.:80"]) {
    assert.ok(is("Example.COM", name), name);
  }
  for (const name of ["www.example.com", "example.org", "xexample.com", "example.com.evil"]) {
    assert.ok(!is("example.com", name), name);
  }
});

test("a wildcard is every host below the name, at any depth, and not the name", () => {
  for (const name of ["a.example.com", "a.b.Example.com:80", "a.example.com."]) {
    assert.ok(is("*.example.com", name), name);
  }
  for (const name of ["example.com", "aexample.com", "a.example.com.org"]) {
    assert.ok(!is("*.example.com", name), name);
  }
});

test("a list is any of it, also when it is long", () => {
  const names = Array.from({ length: 50 }, (_, i) => `h${i}.example`);
  for (const list of [names.slice(0, 3), [...names, "*.wild.example"]]) {
    for (const name of list) assert.ok(is(list, name.replace("*", "x").toUpperCase()), name);
    assert.ok(!is(list, "h99.example"));
  }
});

test("addresses are hosts too", () => {
  assert.ok(is("[::1]", "[::1]:8080"));
  assert.ok(is("127.0.0.1", "127.0.0.1:80"));
  assert.ok(!is("[::1]", "[::2]"));
});

test("the target's host counts where it has one, and a request may have none", () => {
  assert.ok(meets(host, "a.example", viewOf("GET http://a.example/x", ["Host: a.example"])));
  assert.ok(!meets(host, "a.example", viewOf("GET /x", ["Host:"])));
});

test("international names are compared in their ASCII form", () => {
  assert.ok(is("bücher.example", "xn--bcher-kva.example"));
  assert.ok(is("*.Bücher.example", "a.xn--bcher-kva.example"));
});

test("what is no host name is refused", () => {
  for (const bad of [
    "",
    "a.example:80",
    "*",
    "a.*.example",
    "*example",
    "a b",
    "a..b",
    "[::g]",
    [],
  ]) {
    assert.match(refusal(host.value, bad), /host name without port|a list of at least 1/);
  }
});
