import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, test } from "node:test";
import fc from "fast-check";
import { allocatedBytes } from "#kit/heap.ts";
import { parsedView, viewOf } from "#kit/request.ts";
import { readValue, refusal } from "#kit/rules.ts";
import { actions } from "#rules/actions/index.ts";
import { matchers } from "#rules/matchers/index.ts";
import { type ActionType, type MatcherType, type RequestView, Verdict } from "#rules/types.ts";
import type { View } from "#rules/view.ts";
import type { Field } from "#schema/index.ts";

type Member = MatcherType | ActionType;

const members: readonly Member[] = [...matchers, ...actions];

const CALLS = 100_000;

const CONTEXT = { backend: () => 0 };

/** Values in which every keyword sees something unlike what it takes. */
const NONSENSE = [null, [[["x"]]], { "\r\n": {} }, { "\r\n": "x" }];

const requests = [
  viewOf("GET /"),
  viewOf("GET /status", ["Host: a.example.com:8080", "X-Release: beta"]),
  viewOf("GET //v1/./api/%7Ex?version=2&x", ["X-Release: beta", "X-Release: canary"], "fd00::1"),
  viewOf("PURGE /api/users?version=%32", ["Cookie: a=b; beta=1", "X-Debug: 1"], "10.1.2.3"),
  viewOf("OPTIONS *", ["Host:"]),
  viewOf("GET http://www.example.com?version=2", ["Host: www.example.com"]),
];

const file = (name: string) => `${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}.ts`;

/** Turns a request over to `run` as a worker does: filled anew. */
function again(view: RequestView, run: (view: RequestView) => void): void {
  const own = view as View;
  own.fill(own.bytes, own.head, own.peer, own.peerAt);
  run(own);
}

/** What a member does with a request, its verdict thrown away. */
function compiled(member: Member, value: unknown): (view: RequestView) => void {
  const run = member.compile(value, CONTEXT);
  const verdict = new Verdict();
  return (view) => {
    verdict.reset();
    run(view, verdict);
  };
}

const text = fc.string({ maxLength: 12 });
const part = fc.oneof(
  text,
  fc.constantFrom("/", "//", "..", "%2e", "%zz", "api", "status", "?", "&", "=", "version", "+"),
);
const target = fc.array(part, { maxLength: 8 }).map((parts) => `/${parts.join("")}`);
const line = fc.tuple(
  fc.constantFrom("Cookie", "X-Release", "cookie", "Version", "X-A", "Via"),
  fc.oneof(text, fc.constantFrom("beta=1", "a=;beta", ";;=;", "beta", "=", "")),
);
const head = fc
  .record({
    method: fc.constantFrom("GET", "POST", "PURGE", "OPTIONS"),
    target: fc.oneof(target, fc.constantFrom("*", "http://a.example.com", "http://[::1]/x?y")),
    host: fc.constantFrom("example.com", "a.example.com.:80", "[::1]:80", "localhost", "a.b.c.d"),
    lines: fc.array(line, { maxLength: 5 }),
  })
  .map(({ method, target, host, lines }) => {
    const fields = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const authority = /^http:\/\/([^/]*)/.exec(target)?.[1] ?? host;
    return `${method} ${target} HTTP/1.1\r\nHost: ${authority}\r\n${fields}\r\n`;
  });

test("every file of the registries is in them, under its own name", () => {
  for (const [folder, registry] of [
    ["matchers", matchers],
    ["actions", actions],
  ] as const) {
    const url = new URL(`../../src/rules/${folder}/`, import.meta.url);
    const files = readdirSync(url).filter((f) => f !== "index.ts" && !f.endsWith(".test.ts"));
    assert.ok(files.length >= 9);
    assert.deepEqual(files.sort(), registry.map(({ name }) => file(name)).sort());
  }
  const names = members.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
});

for (const member of members) {
  const field = member.value as Field<unknown>;

  describe(member.name, () => {
    const { value, faults } = readValue(field, member.example);

    test("is documented: a summary, and an example that it reads and writes", async () => {
      const { parse } = await import("yaml");
      assert.match(member.summary, /^[A-Z].{10,160}[^.]$/);
      assert.equal(field.help, member.summary);
      assert.deepEqual(faults, []);
      assert.deepEqual(readValue(field, parse(field.format(value))).value, value);
      assert.deepEqual(structuredClone(value), value, "a Plan crosses threads");
      assert.ok(Object.keys(field.jsonSchema()).length > 0);
    });

    test("refuses what it does not understand", () => {
      for (const bad of NONSENSE) assert.match(refusal(field, bad), /./);
    });

    test("names the backends that it compiles against", () => {
      const asked: string[] = [];
      member.compile(value, { backend: (name) => asked.push(name) });
      const named = "backends" in member ? member.backends?.(value) : undefined;
      assert.deepEqual(asked, named ?? []);
    });

    if ("subject" in member) {
      test("tells what it looked at", () => {
        const tell = (view: RequestView) => assert.match(member.subject(view, value), /\S/);
        for (const view of requests) again(view, tell);
      });
    } else {
      test("ends the rules exactly when it says so", () => {
        const run = member.compile(value, CONTEXT);
        for (const view of requests) {
          again(view, (v) => assert.equal(run(v, new Verdict()), member.final));
        }
      });
    }

    test("never throws, and says the same again", () => {
      const run = member.compile(value, CONTEXT);
      let seen = 0;
      fc.assert(
        fc.property(head, (bytes) => {
          const view = parsedView(bytes);
          if (!view) return;
          seen++;
          const results: unknown[] = [];
          const verdicts = [new Verdict(), new Verdict()];
          for (const verdict of verdicts) again(view, (v) => results.push(run(v, verdict)));
          assert.equal(results[0], results[1]);
          assert.deepEqual(verdicts[0], verdicts[1]);
        }),
        { numRuns: 200 },
      );
      assert.ok(seen > 20, `only ${seen} heads were requests`);
    });

    if (member.allocates?.(value)) return;
    test("allocates nothing", () => {
      const run = compiled(member, value);
      const work = () => {
        for (let i = 0; i < CALLS; i++) again(requests[i % requests.length]!, run);
      };
      work();
      const bytes = allocatedBytes(work, CALLS);
      assert.ok(bytes < CALLS, `${bytes} bytes in ${CALLS} calls`);
    });
  });
}
