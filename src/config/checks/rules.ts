import type { RulePlan } from "#plan/plan.ts";
import { actionOf } from "#rules/registry.ts";
import type { Review } from "../review.ts";

/** Warns of rules behind one that takes every request, and of a default behind it. */
export function checkRules(review: Review): void {
  for (const [name, { rules, default: fallback }] of review.model.frontends) {
    const last = rules.findIndex(takesAll);
    if (last < 0) continue;
    const path = ["frontends", name];
    const why = `${rules[last]!.name} takes every request`;
    for (let i = last + 1; i < rules.length; i++) {
      review.warning([...path, "rules", i], `never reached: ${why}`);
    }
    if (fallback !== undefined) review.warning([...path, "default"], `never used: ${why}`);
  }
}

const takesAll = ({ when, actions }: RulePlan): boolean =>
  when.length === 0 && actions.some((action) => actionOf(action).final);
