import { WeirError } from "#base/errors.ts";
import { compareModels } from "#config/compare.ts";
import { renderFaults } from "#config/faults.ts";
import type { Loaded } from "#config/load.ts";
import type { Model } from "#config/model/document.ts";
import type { Plan } from "#plan/plan.ts";
import type { Fault } from "#schema/index.ts";
import type { ListenFault } from "./protocol.ts";

/** A configuration that was read and found good or not. */
export type Judged =
  | { readonly plan: Plan; readonly model: Model; readonly loaded: Loaded }
  | { readonly plan: undefined; readonly faults: readonly Fault[]; readonly text: string };

/** Reads a configuration; that there is none at all is a fault like others. */
export async function judge(load: () => Promise<Loaded>): Promise<Judged> {
  try {
    const loaded = await load();
    const { plan, model, faults, textOf } = loaded;
    if (plan && model) return { plan, model, loaded };
    return { plan: undefined, faults, text: renderFaults(faults, { textOf }) };
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    const faults = [faultSaying(error.message)];
    return { plan: undefined, faults, text: `${error.message}\n` };
  }
}

/** A fault that stands nowhere in a file. */
export const faultSaying = (
  message: string,
  path = "",
  severity: Fault["severity"] = "error",
): Fault => ({
  place: { file: "configuration", line: 0, column: 0, length: 1 },
  path,
  message,
  severity,
});

export const listenFaults = (faults: readonly ListenFault[]): Fault[] =>
  faults.map((fault) => faultSaying(fault.message));

/**
 * The Plan as a running engine can take it: what is fixed at start stays as it was. The second list
 * says which keywords that concerns.
 */
export function withoutRestart(
  plan: Plan,
  model: Model,
  before: { readonly plan: Plan; readonly startModel: Model },
): { plan: Plan; warnings: Fault[] } {
  const fixed: Plan = {
    ...plan,
    engine: { ...before.plan.engine, drainMs: plan.engine.drainMs },
    monitor: { ...plan.monitor, admin: before.plan.monitor.admin },
  };
  const warnings = compareModels(before.startModel, model)
    .filter((change) => change.reload === "restart")
    .map(({ at, before: was = "nothing", after = "nothing" }) =>
      faultSaying(
        `going from ${was} to ${after} needs an upgrade or a restart`,
        at.join("."),
        "warning",
      ),
    );
  return { plan: fixed, warnings };
}

/** "3 changes in force", for people. */
export function describeChanges(before: Model, after: Model): string {
  const count = compareModels(before, after).filter((c) => c.reload === "live").length;
  return count === 0 ? "nothing changed" : `${count} change${count === 1 ? "" : "s"} in force`;
}
