import type { RulePlan } from "#plan/plan.ts";
import { createHostIndex } from "./host-index.ts";
import { actionOf, matcherOf, valueIn } from "./registry.ts";
import { type CompiledRule, createIndexed, createPathKeeping, createSequence } from "./run.ts";
import type { CompileContext, Rules } from "./types.ts";

/**
 * With fewer rules for hosts than this, trying them in turn costs less than the index (bench
 * rules).
 */
export const INDEX_FROM = 4;

/**
 * Compiles a frontend's rules, in order: a rule whose conditions all hold runs its actions; `use`,
 * `redirect` and `deny` end the rules, other actions let them go on. Conditions see the request as
 * the client sent it, whatever earlier rules edit or rewrite.
 *
 * What is returned allocates nothing, but for the members of the registries that say so. `indexed`
 * overrides the choice of whether to look rules up by host: for tests and benches.
 */
export function compileRules(
  rules: readonly RulePlan[],
  context: CompileContext,
  indexed?: boolean,
): Rules {
  if (rules.length === 0) return decideNothing;
  const run = compileAll(rules, context, indexed);
  return rules.some(readsPath) ? createPathKeeping(run) : run;
}

function decideNothing(): void {}

function compileAll(
  rules: readonly RulePlan[],
  context: CompileContext,
  indexed: boolean | undefined,
): Rules {
  const places = rules.map(hostCondition);
  const useIndex = indexed ?? places.filter((place) => place >= 0).length >= INDEX_FROM;
  if (!useIndex) return createSequence(rules.map((rule, i) => compileRule(rule, i, -1, context)));
  const compiled = rules.map((rule, i) => compileRule(rule, i, places[i]!, context));
  return createIndexed(
    compiled,
    createHostIndex(rules.map((rule, i) => hostsAt(rule, places[i]!))),
  );
}

const readsPath = ({ when, actions }: RulePlan): boolean =>
  when.some(({ match }) => matcherOf(match).readsPath) ||
  actions.some((chosen) => actionOf(chosen).readsPath);

function compileRule(
  rule: RulePlan,
  index: number,
  left: number,
  context: CompileContext,
): CompiledRule {
  const conditions = rule.when.filter((_, i) => i !== left);
  return {
    index,
    matchers: conditions.map(({ match }) => matcherOf(match).compile(valueIn(match))),
    wanted: conditions.map(({ not }) => !not),
    actions: rule.actions.map((chosen) => actionOf(chosen).compile(valueIn(chosen), context)),
  };
}

/** Place of the first condition that names the hosts a rule is for, or -1. */
const hostCondition = (rule: RulePlan): number =>
  rule.when.findIndex(({ not, match }) => !not && matcherOf(match).hosts !== undefined);

const hostsAt = (rule: RulePlan, place: number): readonly string[] | undefined => {
  const match = rule.when[place]?.match;
  return match && matcherOf(match).hosts?.(valueIn(match));
};
