import { actions } from "#rules/actions/index.ts";
import { matchers } from "#rules/matchers/index.ts";
import type { ActionType, MatcherType } from "#rules/types.ts";
import type { Frontend } from "./model/frontend.ts";
import type { Rule } from "./model/rules.ts";

import type { Path } from "./review.ts";

/** One keyword of a rule as it was written. */
export interface Clause<T> {
  readonly type: T;
  readonly value: unknown;
}

// Reading kept the order in which keywords are written; absent ones are undefined.
function clausesOf<T extends { readonly name: string }>(
  types: readonly T[],
  values: object,
): Clause<T>[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const type = value === undefined ? undefined : types.find((t) => t.name === name);
    return type ? [{ type, value }] : [];
  });
}

/** The actions of a rule in the order in which they are written. */
export const actionsOf = (rule: Rule): Clause<ActionType>[] =>
  clausesOf(actions as readonly ActionType[], rule);

/** The conditions of a map of conditions, in the order in which they are written. */
export const conditionsOf = (when: object): Clause<MatcherType>[] =>
  clausesOf(matchers as unknown as readonly MatcherType[], when);

/** Every backend that a frontend names, and where. */
export function backendsOf(name: string, frontend: Frontend): { backend: string; path: Path }[] {
  const path: Path = ["frontends", name];
  const found = frontend.rules.flatMap((rule, i) =>
    actionsOf(rule).flatMap(({ type, value }) =>
      (type.backends?.(value) ?? []).map((backend) => ({
        backend,
        path: [...path, "rules", i, type.name],
      })),
    ),
  );
  if (frontend.default === undefined) return found;
  return [...found, { backend: frontend.default, path: [...path, "default"] }];
}
