import assert from "node:assert/strict";
import { test } from "node:test";
import { textOf } from "#base/bytes.ts";
import { viewOf } from "#kit/request.ts";
import { act, backendIndex, readValue, refusal } from "#kit/rules.ts";
import { Verdict } from "../types.ts";
import { redirect } from "./redirect.ts";

/** Status and Location of the answer. */
function answer(written: unknown, target: string, host = "example.com:8080"): string {
  const { verdict, ended } = act(redirect, written, viewOf(`GET ${target}`, [`Host: ${host}`]));
  assert.ok(ended);
  const lines = textOf(verdict.headers, 0, verdict.headersEnd);
  return `${verdict.status} ${/^Location: ([!-~]*)\r\n$/.exec(lines)?.[1]}`;
}

test("to another place", () => {
  assert.equal(answer({ to: "https://new.example/x" }, "/a?b"), "302 https://new.example/x");
  assert.equal(answer({ to: "/login", status: 303 }, "/a?b"), "303 /login");
  const kept = { to: "https://new.example/x/", keepPath: true, keepQuery: true };
  assert.equal(answer(kept, "/a/b?c=d"), "302 https://new.example/x/a/b?c=d");
  assert.equal(answer({ to: "/find?in=all", keepQuery: true }, "/a?q=1"), "302 /find?in=all&q=1");
  assert.equal(answer({ to: "/x", keepQuery: true }, "/a?"), "302 /x");
});

test("with a prefix: path and query stay", () => {
  const prefix = "https://new.example/old";
  assert.equal(answer({ prefix, status: 301 }, "/a?b"), `301 ${prefix}/a?b`);
  assert.equal(answer({ prefix, keepQuery: false }, "/a?b"), `302 ${prefix}/a`);
});

test("by scheme: host, path and query stay, the port does not", () => {
  const written = { scheme: "https", status: 308 };
  assert.equal(answer(written, "/a?b=c"), "308 https://example.com/a?b=c");
  assert.equal(answer(written, "/", "[::1]:80"), "308 https://[::1]/");
  assert.equal(answer({ ...written, port: 8443 }, "/"), "308 https://example.com:8443/");
  assert.equal(answer(written, "http://example.com", "example.com"), "308 https://example.com/");
});

test("cannot be made to lead elsewhere", () => {
  const root = { to: "/", keepPath: true };
  for (const target of [
    "//evil.example",
    "/%2fevil.example",
    "/./\x2fevil.example",
    "/%5cevil.example",
  ]) {
    assert.equal(answer(root, target), "302 /evil.example", target);
  }
});

test("writes nothing that is not in a URL", () => {
  const written = { scheme: "https" };
  assert.equal(answer(written, "/%0d%0aX:y"), "302 https://example.com/%0D%0AX:y");
  assert.equal(answer(written, "/a|b?c={d}"), "302 https://example.com/a%7Cb?c=%7Bd%7D");
});

test("a request without a host cannot stay on its host", () => {
  const { verdict } = act(redirect, { scheme: "https" }, viewOf("GET /", ["Host:"]));
  assert.equal(verdict.status, 400);
  assert.equal(verdict.headersEnd, 0);
});

test("a Location that finds no room is refused", () => {
  const { value } = readValue(redirect.value, { scheme: "https" });
  const verdict = new Verdict(40);
  redirect.compile(value!, { backend: backendIndex })(viewOf(`GET /${"a".repeat(50)}`), verdict);
  assert.equal(verdict.status, 414);
  assert.equal(verdict.headersEnd, 0);
});

test("what makes no sense is refused", () => {
  for (const bad of [
    {},
    "/x",
    { to: "//evil.example" },
    { to: "x" },
    { to: "ftp://a.example" },
    { to: "https://" },
    { to: "https://a.example:80 /" },
    { to: "/a\r\nX: y" },
    { to: "/ä" },
    { to: "/a", prefix: "/b" },
    { to: "/a", scheme: "https" },
    { to: "/a", status: 200 },
    { to: "/a", status: 304 },
    { to: "/a", port: 1 },
    { scheme: "gopher" },
    { scheme: "https", keepPath: true },
    { prefix: "/a?b" },
    { to: "/a#b", keepQuery: true },
  ]) {
    refusal(redirect.value, bad);
  }
});
