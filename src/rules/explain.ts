import { assert } from "#base/assert.ts";
import { textOf } from "#base/bytes.ts";
import type { BackendPlan, Chosen, ConditionPlan, Plan, RulePlan } from "#plan/plan.ts";
import { compileRules } from "./compile.ts";
import { chooseFrontend, type ExplainInput, parseInput, splitUrl } from "./explain-request.ts";
import { type Sticky, stickyOf } from "./explain-sticky.ts";
import { actionOf, matcherOf, valueIn } from "./registry.ts";
import { type HeaderEdits, type RequestView, Verdict } from "./types.ts";

/** One condition of a rule that was tried. */
export interface ConditionStep {
  readonly keyword: string;
  /** It stands under `not`. */
  readonly not: boolean;
  /** What of the request was looked at: `host www.example.com`. */
  readonly subject: string;
  /** What it was compared with, as the configuration has it. */
  readonly wanted: string;
  /** The condition holds (`not` included). */
  readonly holds: boolean;
}

/** One rule that was tried, with its conditions up to the first that does not hold. */
export interface RuleStep {
  readonly index: number;
  readonly name: string;
  readonly matched: boolean;
  readonly conditions: readonly ConditionStep[];
  /** What it did, when it matched: `use api`. */
  readonly actions: readonly string[];
}

/** What the proxy would do with the request. */
export type Outcome =
  /** `rule` is the index of the rule that said so; -1: the frontend's default. */
  | { readonly kind: "backend"; readonly backend: string; readonly rule: number }
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly location: string | undefined;
      /** -1: the request cannot be judged by the rules safely. */
      readonly rule: number;
    }
  /** No rule decided and the frontend has no default. */
  | { readonly kind: "none" };

/** Plain data, for people and for `--json`. */
export interface Explanation {
  readonly frontend: { readonly name: string; readonly why: string };
  readonly rules: readonly RuleStep[];
  readonly outcome: Outcome;
  /** `set X-A: b`, in order. */
  readonly requestEdits: readonly string[];
  readonly responseEdits: readonly string[];
  /** Path and query the server is sent instead of the client's. */
  readonly target: string | undefined;
  readonly sticky: Sticky | undefined;
  /** How the backend chooses a server when no cookie does. */
  readonly balance: Chosen | undefined;
}

export interface Explained {
  readonly explanation: Explanation;
  /** The request as rules saw it: what a scheduler's key is read from. */
  readonly view: RequestView;
  readonly backend: BackendPlan | undefined;
}

/**
 * Says what a Plan would do with a request, and why, without sending it. Returns a sentence when
 * that cannot be told: the request is malformed, or it is not clear which frontend it would come
 * to.
 */
export function explainRequest(plan: Plan, input: ExplainInput): Explained | string {
  const url = splitUrl(input.url);
  const chosen = chooseFrontend(plan, url, input.frontend);
  if (typeof chosen === "string") return chosen;
  const { frontend, why } = chosen;
  const view = parseInput(plan.engine, input, url);
  if (typeof view === "string") return view;

  const names = plan.backends.map(({ name }) => name);
  const run = compileRules(frontend.rules, { backend: (name) => names.indexOf(name) });
  const verdict = new Verdict(4 * plan.engine.maxUriBytes + 8192);
  run(view, verdict);
  const rules = tryRules(frontend.rules, view, verdict.rule);
  assert(verdict.rule < 0 || rules.at(-1)!.matched, "explain and the rules disagree");

  const index = verdict.backend >= 0 ? verdict.backend : frontend.defaultBackend;
  const backend = verdict.status === 0 ? plan.backends[index] : undefined;
  const { targetEnd } = verdict;
  const explanation: Explanation = {
    frontend: { name: frontend.name, why },
    rules,
    outcome: outcomeOf(verdict, view, backend),
    requestEdits: describeEdits(verdict.request),
    responseEdits: describeEdits(verdict.response),
    target: targetEnd > 0 ? textOf(verdict.target, 0, targetEnd) : undefined,
    sticky: backend && stickyOf(backend, view),
    balance: backend?.balance,
  };
  return { explanation, view, backend };
}

/** The rules one by one, up to the one that took the decision. */
function tryRules(rules: readonly RulePlan[], view: RequestView, last: number): RuleStep[] {
  const steps: RuleStep[] = [];
  for (const [index, rule] of rules.entries()) {
    const conditions: ConditionStep[] = [];
    for (const condition of rule.when) {
      conditions.push(tryCondition(condition, view));
      if (!conditions.at(-1)!.holds) break;
    }
    const matched = conditions.every(({ holds }) => holds);
    const actions = matched ? rule.actions : [];
    steps.push({
      index,
      name: rule.name,
      matched,
      conditions,
      actions: actions.map((c) => `${c.name} ${actionOf(c).value.format(valueIn(c))}`),
    });
    if (index === last) break;
  }
  return steps;
}

function tryCondition({ not, match }: ConditionPlan, view: RequestView): ConditionStep {
  const type = matcherOf(match);
  const value = valueIn(match);
  const met = type.compile(value)(view);
  return {
    keyword: type.name,
    not,
    subject: type.subject(view, value),
    wanted: type.value.format(value),
    holds: met !== not,
  };
}

function outcomeOf(verdict: Verdict, view: RequestView, backend: BackendPlan | undefined): Outcome {
  if (verdict.status !== 0) {
    const headers = textOf(verdict.headers, 0, verdict.headersEnd);
    const location = /^Location: (.*)\r\n/.exec(headers)?.[1];
    const rule = view.refuse === 0 ? verdict.rule : -1;
    return { kind: "answer", status: verdict.status, location, rule };
  }
  if (!backend) return { kind: "none" };
  return { kind: "backend", backend: backend.name, rule: verdict.rule };
}

const describeEdits = (edits: HeaderEdits): string[] =>
  edits.items.slice(0, edits.count).map(({ op, name, line }) => {
    const text = op === "delete" ? textOf(name, 0, name.length) : textOf(line, 0, line.length - 2);
    return `${op} ${text}`;
  });
