import { actionsOf, conditionsOf } from "../clauses.ts";
import type { Rule } from "../model/rules.ts";
import type { Review } from "../review.ts";

/** Warns of what can never run: actions behind one that ends the rules, rules behind one that takes all. */
export function checkRules(review: Review): void {
  for (const [name, frontend] of review.model.frontends) {
    const path = ["frontends", name, "rules"];
    let takesAll = -1;
    frontend.rules.forEach((rule, i) => {
      if (takesAll >= 0) {
        const { name } = frontend.rules[takesAll]!;
        const which = name === undefined ? `rule ${takesAll}` : `rule ${takesAll} ("${name}")`;
        review.warning([...path, i], `never reached: ${which} takes every request`);
        return;
      }
      const acts = actionsOf(rule);
      const final = acts.findIndex(({ type }) => type.final);
      for (const { type } of final < 0 ? [] : acts.slice(final + 1)) {
        const ending = acts[final]!.type.name;
        review.warning([...path, i, type.name], `never runs: "${ending}" before it ends the rules`);
      }
      if (final >= 0 && isUnconditional(rule)) takesAll = i;
    });
    if (takesAll >= 0 && frontend.default !== undefined) {
      review.warning(
        ["frontends", name, "default"],
        `never used: rule ${takesAll} takes every request`,
      );
    }
  }
}

const isUnconditional = ({ when }: Rule): boolean =>
  conditionsOf(when).length === 0 && (!when.not || conditionsOf(when.not).length === 0);
