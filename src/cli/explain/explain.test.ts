import assert from "node:assert/strict";
import { test } from "node:test";
import { schedulers } from "#balance/schedulers/index.ts";
import { planFromText } from "#kit/plan.ts";
import { explainRequest } from "#rules/explain.ts";
import { createStyle } from "../style.ts";
import { pickServer } from "./pick-server.ts";
import { showExplanation } from "./show.ts";

const CONFIG = `
frontends:
  web:
    bind: 127.0.0.1:8080
    default: app
    rules:
      - { name: old, when: { path: /old }, redirect: { to: https://new.example/ } }
      - { name: shop, when: { pathPrefix: /shop, not: { method: POST } }, use: shop }
      - { name: gone, when: { path: /gone }, deny: 410 }
  bare: { bind: 127.0.0.1:8081 }
backends:
  app:
    balance: { type: header, name: X-User }
    servers: { a: 127.0.0.1:1, b: 127.0.0.1:2, c: 127.0.0.1:3 }
  shop:
    cookie: { name: SRV, mode: insert }
    servers:
      x: { address: 127.0.0.1:1, state: maint }
      y: 127.0.0.1:2
      z: { address: 127.0.0.1:3, backup: true }
`;

function explain(
  text: string,
  url: string,
  more: { method?: string; headers?: [string, string][] } = {},
) {
  const { method = "GET", headers = [] } = more;
  const explained = explainRequest(planFromText(text), {
    method,
    url,
    headers,
    source: "192.0.2.1",
  });
  assert.ok(typeof explained === "object", String(explained));
  const { explanation, view, backend } = explained;
  const pick = backend && pickServer(backend, view);
  return { pick, shown: showExplanation(explanation, pick, createStyle(false)) };
}

test("a backend by default, its server by what the scheduler hashes", () => {
  const user = (name: string) =>
    explain(CONFIG, "http://x:8080/", { headers: [["X-User", name]] }).pick!;
  const names = ["ann", "bob", "cem", "dan", "eve", "fay"].map((name) => user(name).server);
  assert.ok(new Set(names).size > 1, "users are spread");
  assert.equal(user("ann").server, user("ann").server);
  const { pick, shown } = explain(CONFIG, "http://x:8080/");
  assert.deepEqual(pick!.key, { kind: "header", found: false });
  assert.match(shown, /backend app +the frontend's default/);
  assert.match(shown, /would take the first such request.*header, of which this request has none/);
});

test("a rule, and why the others did not", () => {
  const { pick, shown } = explain(CONFIG, "http://x:8080/shop/cart");
  assert.deepEqual([pick!.server, pick!.candidates], ["y", ["y"]]);
  assert.match(shown, /old +no: path \/shop\/cart does not meet path \/old/);
  assert.match(shown, /shop +yes: path .* meets pathPrefix \/shop, method GET does not meet/);
  assert.match(shown, /→ use shop/);
  const post = explain(CONFIG, "http://x:8080/shop/cart", { method: "POST" });
  assert.match(post.shown, /shop +no: .*method POST meets method POST, which is excluded/);
});

test("a cookie that keeps a client, answers without a server, and none at all", () => {
  const cookie = explain(CONFIG, "http://x:8080/shop", { headers: [["Cookie", "SRV=y"]] });
  assert.match(cookie.shown, /server y +cookie SRV=y keeps the client with/);
  assert.match(explain(CONFIG, "http://x:8080/old").shown, /answer +302 to https:\/\/new\.example/);
  assert.match(explain(CONFIG, "http://x:8080/gone").shown, /answer +410, no server is asked/);
  assert.match(explain(CONFIG, "http://x:8081/").shown, /answer +503: no rule decides/);
});

test("a cookie of a server in maint, in drain, without weight", () => {
  const shown = (text: string, server: string) =>
    explain(text, "http://x:8080/shop", { headers: [["Cookie", `SRV=${server}`]] }).shown;
  const elsewhere = shown(CONFIG, "x");
  assert.match(elsewhere, /cookie +cookie SRV=x: server x is in maint: the client goes elsewhere/);
  assert.match(elsewhere, /server y +would take the first such request/);
  const strict = CONFIG.replace("  shop:\n", "  shop:\n    redispatch: false\n");
  const refused = shown(strict, "x");
  assert.match(refused, /answer +503: .*server x is in maint, and redispatch is false/);
  assert.doesNotMatch(refused, /server y/);
  for (const text of [
    CONFIG.replace("maint", "drain"),
    CONFIG.replace("state: maint", "weight: 0"),
  ]) {
    assert.match(shown(text, "x"), /server x +cookie SRV=x keeps the client with/);
  }
  assert.match(shown(CONFIG, "z"), /server z +cookie SRV=z keeps the client with/);
});

test("every scheduler can be asked", () => {
  for (const { name } of schedulers) {
    const options = { header: "{ type: header, name: A }", query: "{ type: query, name: a }" };
    const balance = options[name as keyof typeof options] ?? name;
    const text = `
frontends: { web: { bind: 127.0.0.1:80, default: app } }
backends: { app: { balance: ${balance}, servers: { a: 127.0.0.1:1, b: 127.0.0.1:2 } } }
`;
    const { pick } = explain(text, "/x?a=1", { headers: [["A", "1"]] });
    assert.match(pick!.server!, /^[ab]$/, name);
  }
});
