import { latin1 } from "#base/bytes.ts";
import { Head } from "#http/head.ts";
import { parseRequest } from "#http/request-parser.ts";
import type { ConditionPlan, RulePlan } from "#plan/plan.ts";
import { compileRules } from "#rules/compile.ts";
import { Verdict } from "#rules/types.ts";
import { View } from "#rules/view.ts";
import { microBench, type Operation } from "./kit/micro.ts";

const REQUEST = latin1(
  [
    "GET /articles/2026/11/a-weir-is-a-low-dam?page=2 HTTP/1.1",
    "Host: www.h999.example",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept: text/html,application/xhtml+xml",
    "Accept-Encoding: gzip, deflate, br",
    "Cookie: session=0123456789abcdef; theme=dark",
    "\r\n",
  ].join("\r\n"),
);

const LIMITS = { headBytes: 16_384, headers: 100, uriBytes: 8192 };

function createView(): View {
  const head = new Head(LIMITS.headers);
  parseRequest(REQUEST, 0, REQUEST.length, head, LIMITS);
  const view = new View(head, LIMITS.uriBytes);
  view.fill(REQUEST, head, new Uint8Array(16), 0);
  return view;
}

const is = (name: string, value: unknown): ConditionPlan => ({
  not: false,
  match: { name, options: { value } },
});

const rule = (name: string, when: ConditionPlan[]): RulePlan => ({
  name,
  when,
  actions: [{ name: "use", options: { value: name } }],
});

const hosts = (count: number): RulePlan[] =>
  Array.from({ length: count }, (_, i) => rule(`h${i}`, [is("host", [`www.h${i}.example`])]));

/** As a site has them: nothing matches but the last. */
const TEN = [
  rule("api", [is("host", ["api.example.com"]), is("pathPrefix", ["/v1", "/v2"])]),
  rule("post", [is("method", ["POST", "PUT"]), is("pathPrefix", ["/upload"])]),
  rule("status", [is("path", ["/status"])]),
  rule("beta", [is("cookie", [{ name: "beta", value: ["1"] }])]),
  rule("canary", [is("header", [{ name: "X-Release", value: ["canary"] }])]),
  rule("old", [is("pathPrefix", ["/old", "/legacy"])]),
  rule("office", [is("source", [{ bytes: new Uint8Array(16).fill(1), prefix: 104 }])]),
  rule("v2", [is("query", [{ name: "version", value: ["2"] }])]),
  rule("static", [is("pathPrefix", ["/assets", "/images", "/fonts"])]),
  rule("web", [is("pathPrefix", ["/articles"])]),
];

function operation(
  name: string,
  rules: readonly RulePlan[],
  mostNs: number | undefined,
  indexed?: boolean,
): Operation {
  const view = createView();
  const verdict = new Verdict();
  const run = compileRules(rules, { backend: () => 1 }, indexed);
  return {
    name,
    ...(mostNs === undefined ? {} : { mostNs }),
    run(count) {
      let sum = 0;
      for (let i = 0; i < count; i++) {
        view.fill(view.bytes, view.head, view.peer, view.peerAt);
        verdict.reset();
        run(view, verdict);
        sum += verdict.backend;
      }
      return sum;
    },
  };
}

export const bench = microBench("rules", "One request through a frontend's rules", () => [
  operation("no rules", [], 30),
  operation("1 rule: a prefix", [TEN[9]!], 300),
  operation("10 rules: host, path, method, header, cookie, query, source", TEN, 1500),
  operation("1,000 rules: a host each, the last matches", hosts(1000), 300),
  operation("1,000 rules: the same, one by one", hosts(1000), undefined, false),
  operation("4 rules: a host each, by index", hosts(1000).slice(-4), undefined, true),
  operation("4 rules: the same, one by one", hosts(1000).slice(-4), undefined, false),
  operation("a regular expression", [rule("re", [is("pathRegex", "^/articles/\\d+/")])], 1000),
]);
