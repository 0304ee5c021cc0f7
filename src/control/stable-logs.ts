import type { LogPlan, Plan } from "#plan/plan.ts";
import type { Slots } from "#plan/slots.ts";

/** Most logs at once: an index takes one byte in a log ring. */
export const LOGS_MAX = 256;

const NO_LOG: LogPlan = { format: "none", target: "stdout" };
const logKey = (log: LogPlan): string => `${log.format} ${log.target}`;

/**
 * The same Plan with its logs numbered by `slots`, so that a log keeps its index from Plan to Plan
 * and lines written under the Plan before are not taken for another log's. Undefined when there are
 * more than `slots` can number.
 */
export function withStableLogs(plan: Plan, slots: Slots): Plan | undefined {
  if (slots.assign(plan.logs.map(logKey)) === undefined) return undefined;
  const indices = plan.logs.map((log) => slots.get(logKey(log))!);
  const logs = Array<LogPlan>(Math.max(0, ...indices.map((i) => i + 1))).fill(NO_LOG);
  for (const [at, index] of indices.entries()) logs[index] = plan.logs[at]!;
  return {
    ...plan,
    logs,
    frontends: plan.frontends.map((f) => (f.log < 0 ? f : { ...f, log: indices[f.log]! })),
  };
}
