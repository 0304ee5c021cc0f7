import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { textOf } from "#base/bytes.ts";
import { brokenView, viewOf } from "#kit/request.ts";
import { judge, rulesOf } from "#kit/rules.ts";
import type { RulePlan } from "#plan/plan.ts";
import { INDEX_FROM } from "./compile.ts";
import { actionOf, matcherOf, valueIn } from "./registry.ts";
import { type RequestView, Verdict } from "./types.ts";

test("no rules decide nothing", () => {
  const verdict = judge([], viewOf("GET /"));
  assert.deepEqual([verdict.backend, verdict.status, verdict.rule], [-1, 0, -1]);
});

test("rules run in order until an action ends them", () => {
  const rules = rulesOf(
    { when: { path: "/a" }, setHeader: { "X-Rule": "0" } },
    { setHeader: { "X-Rule": "1" }, setResponseHeader: { "X-Rule": "1" } },
    { when: { path: "/a", method: "POST" }, use: "b2" },
    { when: { pathPrefix: "/" }, addHeader: { "X-Last": "yes" }, use: "b3" },
    { deny: true },
  );
  const verdict = judge(rules, viewOf("GET /a"));
  assert.deepEqual([verdict.backend, verdict.status, verdict.rule], [3, 0, 3]);
  const lines = verdict.request.items.slice(0, verdict.request.count).map(({ line }) => line);
  assert.deepEqual(
    lines.map((line) => textOf(line, 0, line.length)),
    ["X-Rule: 0\r\n", "X-Rule: 1\r\n", "X-Last: yes\r\n"],
  );
  assert.equal(verdict.response.count, 1);
  assert.equal(judge(rules, viewOf("POST /a")).backend, 2);
  assert.equal(judge(rules, viewOf("OPTIONS *")).status, 403);
});

test("conditions must all hold, those under not must none", () => {
  const rules = rulesOf({
    when: {
      method: "GET",
      all: [{ header: { name: "A" } }, { header: { name: "B" } }],
      not: { path: ["/x", "/y"], header: { name: "C" } },
    },
    use: "b1",
  });
  const is = (line: string, ...headers: string[]) => judge(rules, viewOf(line, headers)).rule === 0;
  assert.ok(is("GET /", "A: 1", "B: 1"));
  assert.ok(!is("POST /", "A: 1", "B: 1"));
  assert.ok(!is("GET /", "A: 1"));
  assert.ok(!is("GET /y", "A: 1", "B: 1"));
  assert.ok(!is("GET /", "A: 1", "B: 1", "C: 1"));
});

test("conditions see the request as the client sent it", () => {
  const rules = rulesOf(
    { setHeader: { "X-A": "1" }, rewritePath: { prefix: { from: "/", to: "/b" } } },
    { when: { pathPrefix: "/b" }, use: "b1" },
    { when: { header: { name: "X-A" } }, use: "b2" },
    { use: "b3" },
  );
  const verdict = judge(rules, viewOf("GET /a"));
  assert.equal(verdict.backend, 3);
  assert.equal(textOf(verdict.target, 0, verdict.targetEnd), "/b/a");
});

test("a request that a rule cannot judge is refused, whatever other rules say", () => {
  const guard = { when: { pathPrefix: "/admin" }, deny: true };
  const broken = brokenView();
  for (const rules of [
    rulesOf(guard, { use: "b1" }),
    rulesOf({ when: { method: "GET", not: { pathPrefix: "/admin" } }, use: "b1" }),
    rulesOf({ rewritePath: { prefix: { from: "/", to: "/x" } }, use: "b1" }),
    rulesOf({ redirect: { scheme: "https" } }),
    rulesOf(guard),
    rulesOf({ when: { method: "GET" }, use: "b1" }, guard),
  ]) {
    broken.pathReady = false;
    broken.refuse = 0;
    const verdict = judge(rules, broken);
    assert.deepEqual([verdict.status, verdict.backend, verdict.headersEnd], [400, -1, 0]);
  }
});

test("where any rule goes by the path, each request goes on by the path they see", () => {
  const target = (line: string, ...written: Parameters<typeof rulesOf>) => {
    const verdict = judge(rulesOf(...written), viewOf(line));
    return textOf(verdict.target, 0, verdict.targetEnd);
  };
  const first = { when: { host: "other.example", path: "/x" }, deny: true };
  const use = { use: "b1" };
  const rewrite = { when: { method: "PUT" }, rewritePath: { prefix: { from: "/a", to: "/b" } } };
  for (const rules of [
    [first, use],
    [use, first],
    [{ when: { not: { pathPrefix: "/x" } }, ...use }],
    [{ when: { method: "PUT", pathRegex: "^/x" }, deny: true }, use],
    [rewrite, use],
  ]) {
    assert.equal(target("GET /a/../admin?q", ...rules), "/admin?q");
    assert.equal(target("GET /%61dmin", ...rules), "", "only encoded");
  }
  assert.equal(target("GET /a/../admin", { when: { host: "example.com" }, ...use }), "");
});

/** What rules mean, said as simply as possible. */
function naive(rules: readonly RulePlan[], view: RequestView): Verdict {
  const verdict = new Verdict();
  const context = { backend: (name: string) => Number(name.slice(1)) };
  for (const [index, rule] of rules.entries()) {
    const holds = rule.when.every(
      ({ not, match }) => matcherOf(match).compile(valueIn(match))(view) !== not,
    );
    if (!holds) continue;
    for (const chosen of rule.actions) {
      if (!actionOf(chosen).compile(valueIn(chosen), context)(view, verdict)) continue;
      verdict.rule = index;
      return verdict;
    }
  }
  return verdict;
}

const label = fc.constantFrom("a", "b", "c");
const name = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
const pattern = fc.tuple(fc.boolean(), name).map(([star, host]) => (star ? `*.${host}` : host));
const hosts = fc.array(pattern, { minLength: 1, maxLength: 4 });

const ruleWritten = fc
  .record({
    host: fc.option(hosts, { nil: undefined }),
    also: fc.option(hosts, { nil: undefined }),
    not: fc.option(hosts, { nil: undefined }),
    method: fc.option(fc.constantFrom("GET", "POST"), { nil: undefined }),
    final: fc.boolean(),
  })
  .map(({ host, also, not, method, final }) => ({
    when: {
      ...(method === undefined ? {} : { method }),
      ...(host === undefined ? {} : { host }),
      ...(also === undefined ? {} : { all: [{ host: also }] }),
      ...(not === undefined ? {} : { not: { host: not } }),
    },
    final,
  }));

test("indexed ≡ naive evaluation in order, over random rules and hosts", () => {
  const hostWritten = fc.tuple(name, fc.constantFrom("", ":80", ".", ".:80"), fc.boolean());
  const list = fc.array(ruleWritten, { maxLength: 30 });
  fc.assert(
    fc.property(list, fc.array(hostWritten, { minLength: 1, maxLength: 8 }), (written, names) => {
      const rules = rulesOf(
        ...written.map(({ when, final }, i) => ({
          when,
          addHeader: { "X-Rule": `${i}` },
          ...(final ? { use: `b${i}` } : {}),
        })),
      );
      for (const [host, end, upper] of names) {
        const text = upper ? host.toUpperCase() : host;
        const view = viewOf("GET /", [`Host: ${text}${end}`]);
        const expected = naive(rules, view);
        for (const indexed of [true, false, undefined]) {
          const verdict = judge(rules, view, indexed);
          assert.equal(verdict.rule, expected.rule);
          assert.equal(verdict.backend, expected.backend);
          const edits = (v: Verdict) =>
            v.request.items
              .slice(0, v.request.count)
              .map(({ line }) => textOf(line, 8, line.length));
          assert.deepEqual(edits(verdict), edits(expected));
        }
      }
    }),
    { numRuns: 150 },
  );
});

test("thousands of hosts each find their rule", () => {
  const count = 3000;
  assert.ok(count > INDEX_FROM);
  const rules = rulesOf(
    ...Array.from({ length: count }, (_, i) => ({
      when: { host: i % 3 === 0 ? `*.h${i}.example` : `h${i}.example` },
      use: `b${i}`,
    })),
    { deny: 421 },
  );
  for (const i of [0, 1, 2, 3, 1500, 2998, 2999]) {
    const host = i % 3 === 0 ? `x.y.h${i}.example` : `h${i}.example`;
    assert.equal(judge(rules, viewOf("GET /", [`Host: ${host}`])).backend, i);
  }
  assert.equal(judge(rules, viewOf("GET /", ["Host: h0.example"])).status, 421);
  assert.equal(judge(rules, viewOf("GET /", ["Host:"])).status, 421, "no host at all");
});
