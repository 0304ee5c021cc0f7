import assert from "node:assert/strict";
import { treeOfValue } from "#config/value.ts";
import type { RulePlan } from "#plan/plan.ts";
import { compileRules } from "#rules/compile.ts";
import { rule } from "#rules/rule-field.ts";
import { type ActionType, type MatcherType, type RequestView, Verdict } from "#rules/types.ts";
import { type Fault, type Field, Report } from "#schema/index.ts";

/** What a Field makes of a value, and the faults it found. */
export function readValue<T>(
  field: Field<T>,
  value: unknown,
  path = "rules[0]",
): { readonly value: T | undefined; readonly faults: readonly Fault[] } {
  const report = new Report();
  const tree = treeOfValue("test", value, report);
  assert.ok(tree);
  return { value: field.read(tree, path, report), faults: report.faults };
}

const RULE = rule({ help: "a rule" });

/** Rules of a Plan, from what a user would write. */
export const rulesOf = (...written: unknown[]): RulePlan[] =>
  written.map((value, i) => {
    const { value: plan, faults } = readValue(RULE, value, `rules[${i}]`);
    assert.deepEqual(
      faults.map(({ path, message }) => `${path}: ${message}`),
      [],
    );
    return plan!;
  });

/** Faults of one rule, `path: message`. */
export const faultsOf = (written: unknown): string[] =>
  readValue(RULE, written).faults.map(({ path, message }) => `${path}: ${message}`);

/** Backends are named b0, b1, … in tests; any other name is a defect of the test. */
export function backendIndex(name: string): number {
  assert.match(name, /^b\d+$/);
  return Number(name.slice(1));
}

/** The verdict of the rules over a request. */
export function judge(rules: readonly RulePlan[], view: RequestView, indexed?: boolean): Verdict {
  const verdict = new Verdict();
  compileRules(rules, { backend: backendIndex }, indexed)(view, verdict);
  return verdict;
}

/** Whether a request meets a condition, given as a user would write it. */
export function meets(type: MatcherType, written: unknown, view: RequestView): boolean {
  const { value, faults } = readValue(type.value, written);
  assert.deepEqual(faults, []);
  return type.compile(value)(view);
}

/** The verdict after one action over a request, and whether it ended the rules. */
export function act(
  type: ActionType,
  written: unknown,
  view: RequestView,
): { readonly verdict: Verdict; readonly ended: boolean } {
  const { value, faults } = readValue(type.value, written);
  assert.deepEqual(faults, []);
  const verdict = new Verdict();
  const ended = type.compile(value, { backend: backendIndex })(view, verdict);
  return { verdict, ended };
}

/** The Field refuses the value; returns what it says. */
export function refusal(field: Field<unknown>, written: unknown): string {
  const { value, faults } = readValue(field, written);
  assert.equal(value, undefined, `${JSON.stringify(written)} was taken`);
  assert.ok(faults.length > 0);
  return faults.map(({ message, expected }) => `${message} (${expected})`).join("; ");
}
