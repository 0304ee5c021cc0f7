import assert from "node:assert/strict";
import { test } from "node:test";
import { planFromText } from "#kit/plan.ts";
import { type Explained, explainRequest } from "./explain.ts";
import type { ExplainInput } from "./explain-request.ts";

const PLAN = planFromText(`
frontends:
  www:
    bind: ["127.0.0.1:8080"]
    default: app
    rules:
      - name: api
        when: { host: "*.example.com", pathPrefix: /api }
        rewritePath: { prefix: { from: /api, to: / } }
        setHeader: { X-Area: api }
        use: api
      - when: { path: /old }
        redirect: { to: /new, status: 301 }
      - when: { pathRegex: "^/private", not: { source: 10.0.0.0/8 } }
        deny: 403
  plain:
    bind: ["127.0.0.2:80", "[::1]:8081"]
backends:
  app:
    servers: { a: "127.0.0.1:1", b: "127.0.0.1:2" }
    cookie: SRV
  api:
    balance: { type: uri }
    servers: { c: "127.0.0.1:3" }
`);

const ask = (input: Partial<ExplainInput>): Explained | string =>
  explainRequest(PLAN, {
    method: "GET",
    url: "http://www.example.com:8080/",
    headers: [],
    source: "192.0.2.1",
    ...input,
  });

function explain(input: Partial<ExplainInput>) {
  const explained = ask(input);
  assert.ok(typeof explained !== "string", String(explained));
  return explained.explanation;
}

test("a rule that matches: what it compared and did", () => {
  const url = "http://www.example.com:8080/x/../api//users?id=7";
  const { frontend, rules, outcome, ...more } = explain({ url });
  assert.deepEqual(frontend, { name: "www", why: "listens on port 8080" });
  assert.deepEqual(rules, [
    {
      index: 0,
      name: "api",
      matched: true,
      conditions: [
        {
          keyword: "host",
          not: false,
          subject: "host www.example.com",
          wanted: '"*.example.com"',
          holds: true,
        },
        {
          keyword: "pathPrefix",
          not: false,
          subject: "path /api/users (written /x/../api//users)",
          wanted: "/api",
          holds: true,
        },
      ],
      actions: [
        "rewritePath { prefix: { from: /api, to: / } }",
        "setHeader { X-Area: api }",
        "use api",
      ],
    },
  ]);
  assert.deepEqual(outcome, { kind: "backend", backend: "api", rule: 0 });
  assert.equal(more.target, "/users?id=7");
  assert.deepEqual(more.requestEdits, ["set X-Area: api"]);
  assert.equal(more.balance!.name, "uri");
  assert.equal(more.sticky, undefined);
});

test("the path that is sent where rules go by the path and the client's could mislead", () => {
  assert.equal(explain({ url: "http://x:8080/a/../b?c" }).target, "/b?c");
  assert.equal(explain({ url: "http://x:8080/%62" }).target, undefined);
  assert.equal(explain({ url: "/a/../b", frontend: "plain" }).target, undefined);
});

test("no rule matches: the default, each rule up to its first condition that failed", () => {
  const { rules, outcome } = explain({});
  assert.deepEqual(
    rules.map(({ matched, conditions }) => [matched, conditions.map(({ holds }) => holds)]),
    [
      [false, [true, false]],
      [false, [false]],
      [false, [false]],
    ],
  );
  assert.deepEqual(outcome, { kind: "backend", backend: "app", rule: -1 });
});

test("answers of our own", () => {
  assert.deepEqual(explain({ url: "//old", frontend: "www" }).outcome, {
    kind: "answer",
    status: 301,
    location: "/new",
    rule: 1,
  });
  const url = "http://x:8080/private";
  assert.deepEqual(explain({ url }).outcome, {
    kind: "answer",
    status: 403,
    location: undefined,
    rule: 2,
  });
  assert.equal(explain({ url, source: "10.1.2.3" }).outcome.kind, "backend");
  const long = `http://x:8080/${"a".repeat(2048)}`;
  assert.deepEqual(explain({ url: long }).outcome, {
    kind: "answer",
    status: 414,
    location: undefined,
    rule: -1,
  });
  assert.deepEqual(explain({ frontend: "plain" }).outcome, { kind: "none" });
});

test("which frontend", () => {
  assert.match(explain({ url: "http://[::1]:8081/" }).frontend.why, /listens on port 8081/);
  assert.equal(explain({ url: "http://x/" }).frontend.name, "plain");
  assert.equal(explain({ url: "/", frontend: "www" }).frontend.why, "named");
  assert.match(String(ask({ url: "/" })), /name one of www, plain/);
  assert.match(String(ask({ url: "https://x/" })), /name one of www, plain/);
  assert.match(String(ask({ frontend: "ww" })), /no HTTP frontend "ww"; there is www, plain/);
});

test("the server that a cookie asks for", () => {
  const sticky = (value: string) => explain({ headers: [["Cookie", value]] }).sticky;
  assert.deepEqual(sticky("x=1; SRV=b"), {
    cookie: "SRV",
    value: "b",
    server: "b",
    effect: "keeps",
  });
  assert.deepEqual(sticky("SRV=z"), {
    cookie: "SRV",
    value: "z",
    server: undefined,
    effect: "picks",
  });
  assert.equal(sticky("SRVX=a"), undefined);
});

test("in prefix mode the first `~` that ends a server's value counts", () => {
  const plan = planFromText(`
frontends: { web: { bind: "127.0.0.1:80", default: app } }
backends:
  app:
    cookie: { name: SRV, mode: prefix }
    servers:
      long: { address: "127.0.0.1:1", cookie: a~b }
      short: { address: "127.0.0.1:2", cookie: a }
`);
  const headers = [["Cookie", "SRV=a~b~c"]] as const;
  const explained = explainRequest(plan, { method: "GET", url: "/", headers, source: "::1" });
  assert.ok(typeof explained !== "string");
  assert.equal(explained.explanation.sticky!.server, "short");
});

test("the host: of the URL, unless a Host is given", () => {
  const host = (input: Partial<ExplainInput>) => explain(input).rules[0]!.conditions[0]!.subject;
  assert.equal(host({ url: "a.example:8080" }), "host a.example");
  assert.equal(host({ headers: [["host", "b.example"]] }), "host b.example");
  assert.equal(host({ url: "/", frontend: "www" }), "host localhost");
});

test("what the proxy would refuse is said in a sentence", () => {
  assert.match(String(ask({ method: "G T" })), /refused with 400 before any rule/);
  assert.match(String(ask({ url: "http://a b:8080/", frontend: "www" })), /refused with 400/);
  assert.match(String(ask({ url: "http://x:8080/%zz" })), /refused with 400 before any rule/);
  assert.match(String(ask({ headers: [["A", "x\r\n\r\n"]] })), /refused with 400/);
  assert.match(String(ask({ source: "somewhere" })), /not an IP address/);
});
