import type { ConditionStep, Explanation, RuleStep } from "#rules/explain.ts";
import type { Sticky } from "#rules/explain-sticky.ts";
import type { Style } from "../style.ts";
import { printable } from "../style.ts";
import type { Pick } from "./pick-server.ts";

/** The explanation as lines for people. */
export function showExplanation(e: Explanation, pick: Pick | undefined, style: Style): string {
  const lines: [string, string][] = [[`frontend ${e.frontend.name}`, e.frontend.why]];
  for (const rule of e.rules) lines.push(...showRule(rule, style));
  const ruled = e.outcome.kind !== "none" && e.outcome.rule >= 0;
  if (!ruled && e.rules.length > 0) lines.push(["", style.dim("no rule decided")]);
  for (const edit of e.requestEdits) lines.push(["request", printable(edit)]);
  for (const edit of e.responseEdits) lines.push(["answer", printable(edit)]);
  if (e.target !== undefined) lines.push(["path sent", printable(e.target)]);
  lines.push(...showOutcome(e, pick, style));
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

function showRule(rule: RuleStep, style: Style): [string, string][] {
  const [verdict, paint] = rule.matched ? ["yes", style.green] : ["no", style.dim];
  const conditions = rule.conditions.map((c) => showCondition(c)).join(", ");
  const lines: [string, string][] = [
    [rule.name, `${paint(verdict)}${conditions === "" ? "" : `: ${conditions}`}`],
  ];
  for (const action of rule.actions) lines.push(["", `→ ${printable(action)}`]);
  return lines;
}

function showCondition({ subject, keyword, wanted, not, holds }: ConditionStep): string {
  const met = holds !== not;
  const excluded = not && met ? ", which is excluded" : "";
  const verb = met ? "meets" : "does not meet";
  return printable(`${subject} ${verb} ${keyword} ${wanted}${excluded}`);
}

function showOutcome(e: Explanation, pick: Pick | undefined, style: Style): [string, string][] {
  const { outcome, sticky } = e;
  if (outcome.kind === "none") {
    return [["answer", style.yellow("503: no rule decides and the frontend has no default")]];
  }
  if (outcome.kind === "answer") {
    const to = outcome.location === undefined ? "" : ` to ${printable(outcome.location)}`;
    return [["answer", `${style.bold(String(outcome.status))}${to}, no server is asked`]];
  }
  const why = outcome.rule < 0 ? "the frontend's default" : "as the rule says";
  const lines: [string, string][] = [[`backend ${outcome.backend}`, why]];
  if (sticky) {
    lines.push(showSticky(sticky, style));
    if (sticky.effect !== "picks") return lines;
  }
  if (pick) lines.push(showPick(pick, style));
  return lines;
}

function showSticky({ cookie, value, server, effect }: Sticky, style: Style): [string, string] {
  const shown = printable(`cookie ${cookie}=${value}`);
  if (server === undefined) return ["cookie", `${shown} names no server of it`];
  if (effect === "keeps") return [`server ${server}`, `${shown} keeps the client with`];
  const maint = `server ${server} is in maint`;
  if (effect === "picks") return ["cookie", `${shown}: ${maint}: the client goes elsewhere`];
  return ["answer", style.yellow(`503: ${shown}: ${maint}, and redispatch is false`)];
}

function describeScheduler({ scheduler, key }: Pick): string {
  if (key === undefined) return scheduler;
  const name = key.kind === scheduler ? scheduler : `${scheduler} by ${key.kind}`;
  return key.found ? name : `${name}, of which this request has none`;
}

function showPick(pick: Pick, style: Style): [string, string] {
  if (pick.server === undefined)
    return ["answer", style.yellow("503: no server may take requests")];
  const by = describeScheduler(pick);
  const of = pick.candidates.length === 1 ? "the only one" : `of ${pick.candidates.join(", ")}`;
  const next = pick.key?.found ? "would take it" : "would take the first such request";
  return [`server ${style.bold(pick.server)}`, `${next}, all servers being up: ${by} (${of})`];
}
