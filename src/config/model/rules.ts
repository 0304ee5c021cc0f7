import { assert } from "#base/assert.ts";
import { actions } from "#rules/actions/index.ts";
import { matchers } from "#rules/matchers/index.ts";
import {
  type Fields,
  group,
  type InferFields,
  list,
  optional,
  refine,
  text,
} from "#schema/index.ts";

/** Keywords of a registry whose members take one value each. */
function keywords<
  const M extends readonly { name: string; summary: string; value: Fields[string] }[],
>(members: M, taken: readonly string[]): { readonly [T in M[number] as T["name"]]: T["value"] } {
  const fields = members.map((m) => {
    assert(!taken.includes(m.name), `"${m.name}" has a meaning of its own in a rule`);
    return [m.name, optional({ ...m.value, help: m.summary })];
  });
  return Object.fromEntries(fields);
}

/** Every condition keyword. */
export const conditionFields = keywords(matchers, ["not"]);
/** Every action keyword. */
export const actionFields = keywords(actions, ["name", "when"]);

export const when = group(
  {
    ...conditionFields,
    not: optional(group(conditionFields, { help: "Conditions of which none may hold" })),
  },
  {
    help: "Conditions: every one must hold; a list under one keyword holds when any of it does. Absent: always",
    fallback: {} as InferFields<typeof conditionFields> & { not: undefined },
  },
);

const ruleFields = {
  name: optional(
    text({
      help: "Shown by `weir explain` and in the log; absent: its number",
      maxLength: 64,
    }),
  ),
  when,
  ...actionFields,
};

/** The actions a rule may hold, in the words of a fault. */
const wanted = `at least one action: ${Object.keys(actionFields).join(", ")}`;

export const rule = refine(
  group(ruleFields, { help: "Conditions, and what to do when they hold" }),
  (value: Record<string, unknown>) =>
    Object.keys(actionFields).some((name) => value[name] !== undefined) ? undefined : wanted,
);
export type Rule = InferFields<typeof ruleFields>;

export const rules = list(rule, {
  help: "Tried in order, until an action ends them; actions of one rule run in the order in which they are written",
  fallback: [],
});
