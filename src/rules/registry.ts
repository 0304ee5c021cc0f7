import { assert } from "#base/assert.ts";
import type { Chosen } from "#plan/plan.ts";
import { actions } from "./actions/index.ts";
import { matchers } from "./matchers/index.ts";
import type { ActionType, MatcherType } from "./types.ts";

const matcherByName = new Map<string, MatcherType>(matchers.map((type) => [type.name, type]));
const actionByName = new Map<string, ActionType>(actions.map((type) => [type.name, type]));

/** The member of the registry that a condition of a Plan names. */
export function matcherOf(chosen: Chosen): MatcherType {
  const type = matcherByName.get(chosen.name);
  assert(type, `a Plan names the condition ${chosen.name}, which there is not`);
  return type;
}

/** The member of the registry that an action of a Plan names. */
export function actionOf(chosen: Chosen): ActionType {
  const type = actionByName.get(chosen.name);
  assert(type, `a Plan names the action ${chosen.name}, which there is not`);
  return type;
}

/** What the member's Field read: a Plan carries it as the one option `value`. */
export const valueIn = (chosen: Chosen): unknown => chosen.options["value"];
