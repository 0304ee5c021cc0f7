import { assert } from "#base/assert.ts";
import type { Chosen, ConditionPlan, RulePlan } from "#plan/plan.ts";
import {
  type Common,
  common,
  type Field,
  type Fields,
  group,
  type Input,
  list,
  optional,
  refine,
  text,
} from "#schema/index.ts";
import { actions } from "./actions/index.ts";
import { matchers } from "./matchers/index.ts";
import { actionOf, valueIn } from "./registry.ts";
import type { ActionType } from "./types.ts";

type Keywords<M extends { readonly name: string; readonly value: Field<unknown> }> = {
  readonly [K in M as K["name"]]?: Input<K["value"]>;
};

type ConditionInput = Keywords<(typeof matchers)[number]>;

/** What may be written for the conditions of a rule. */
export type WhenInput = ConditionInput & {
  readonly not?: ConditionInput;
  readonly all?: readonly ConditionInput[];
};

/** What may be written for a rule. */
export type RuleInput = Keywords<(typeof actions)[number]> & {
  readonly name?: string;
  readonly when?: WhenInput;
};

type Values = Readonly<Record<string, unknown>>;

/** Keywords of a registry's members, none of which may be one of `taken`. */
function keywords(
  members: readonly { readonly name: string; readonly value: Field<unknown> }[],
  taken: readonly string[],
): Fields {
  for (const { name } of members) assert(!taken.includes(name), `"${name}" is a word of rules`);
  return Object.fromEntries(members.map(({ name, value }) => [name, optional(value)]));
}

const conditionFields = keywords(matchers, ["not", "all"]);

const fields: Fields = {
  name: optional(text({ help: "Name in `weir explain` and in logs", maxLength: 64 })),
  when: optional(
    group(
      {
        ...conditionFields,
        not: optional(group(conditionFields, { help: "Conditions of which none may hold" })),
        all: optional(
          list(group(conditionFields, { help: "More conditions" }), {
            help: "More conditions that must all hold: for one keyword several times",
          }),
        ),
      },
      { help: "Conditions that must all hold; a list under a keyword holds when one of it does" },
    ),
  ),
  ...keywords(actions, ["name", "when"]),
};

const written = (values: Values, types: readonly { readonly name: string }[]): Chosen[] =>
  Object.keys(values)
    .filter((name) => values[name] !== undefined && types.some((type) => type.name === name))
    .map((name) => ({ name, options: { value: values[name] } }));

/** Conditions in written order, then those under `all`, then those under `not`. */
function conditions(when: Values): ConditionPlan[] {
  const take = (values: Values, not: boolean): ConditionPlan[] =>
    written(values, matchers).map((match) => ({ not, match }));
  const all = (when["all"] ?? []) as readonly Values[];
  return [
    ...take(when, false),
    ...all.flatMap((values) => take(values, false)),
    ...take((when["not"] ?? {}) as Values, true),
  ];
}

/** What is wrong with the actions of a rule taken together. */
function checkActions(values: Values): string | undefined {
  const chosen = written(values, actions);
  if (chosen.length === 0) return `an action: one of ${actions.map((a) => a.name).join(", ")}`;
  const last = chosen.findIndex((action) => actionOf(action).final);
  if (last < 0 || last === chosen.length - 1) return undefined;
  return `${chosen[last]!.name} as the last action, because none after it can run`;
}

const keywordsOfRule = refine(group(fields, { help: "A rule" }), checkActions);

/** Name of a rule that was given none: its place, as it stands in the path of a fault. */
function nameByPlace(path: string): string {
  const place = /\[(\d+)\]$/.exec(path)?.[1];
  return place === undefined ? "rule" : `rule ${place}`;
}

/**
 * One content rule: `name`, `when` and action keywords, composed from the registries, in the order
 * in which they are written. Reads to what the Plan carries.
 */
export function rule(options: Common<RulePlan>): Field<RulePlan, RuleInput> {
  return {
    ...common(options),
    type: "rule",
    expected: "a rule: conditions under when, and actions",
    fields,
    read(tree, path, report) {
      const values: Values | undefined = keywordsOfRule.read(tree, path, report);
      if (values === undefined) return undefined;
      const name = values["name"] as string | undefined;
      return {
        name: name ?? nameByPlace(path),
        when: conditions((values["when"] ?? {}) as Values),
        actions: written(values, actions),
      };
    },
    jsonSchema: () => keywordsOfRule.jsonSchema(),
    format: formatRule,
  };
}

const valuesOf = (chosen: readonly Chosen[]): Values =>
  Object.fromEntries(chosen.map((c) => [c.name, valueIn(c)]));

/**
 * The rule on one line. A keyword that stands in several conditions has all but the first under
 * `all`.
 */
function formatRule(value: RulePlan): string {
  const of = (not: boolean) => value.when.filter((c) => c.not === not).map((c) => c.match);
  const positive = of(false);
  const isFirst = (c: Chosen) => positive.find((other) => other.name === c.name) === c;
  const rest = positive.filter((c) => !isFirst(c));
  const when: Values = {
    ...valuesOf(positive.filter(isFirst)),
    ...(rest.length > 0 ? { all: rest.map((c) => valuesOf([c])) } : {}),
    ...(of(true).length > 0 ? { not: valuesOf(of(true)) } : {}),
  };
  const parts = [
    `name: ${fields["name"]!.format(value.name)}`,
    ...(value.when.length > 0 ? [`when: ${fields["when"]!.format(when)}`] : []),
    ...value.actions.map((c) => `${c.name}: ${actionOf(c).value.format(valueIn(c))}`),
  ];
  return `{ ${parts.join(", ")} }`;
}

/** Names of the backends that a rule refers to, for the configuration to check. */
export const backendsOf = (value: RulePlan): readonly string[] =>
  value.actions.flatMap((chosen) => {
    const type: ActionType = actionOf(chosen);
    return type.backends?.(valueIn(chosen)) ?? [];
  });
