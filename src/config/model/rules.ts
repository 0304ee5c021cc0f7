import { rule } from "#rules/rule-field.ts";
import { list } from "#schema/index.ts";

export const rules = list(rule({ help: "Conditions, and what to do when they hold" }), {
  help: "Tried in order, until an action ends them",
  fallback: [],
});
