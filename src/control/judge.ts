import { WeirError } from "#base/errors.ts";
import { compareModels } from "#config/compare.ts";
import { renderFaults } from "#config/faults.ts";
import { type Loaded, type LoadOptions, loadConfig } from "#config/load.ts";
import type { Model } from "#config/model/document.ts";
import type { Plan } from "#plan/plan.ts";
import type { Fault } from "#schema/index.ts";
import type { Running } from "./engine-state.ts";
import { faultSaying } from "./fault-saying.ts";

/** A configuration that was read and found good or not. */
export type Judged =
  | {
      readonly plan: Plan;
      readonly model: Model;
      readonly files: readonly string[];
      /** Warnings. */
      readonly faults: readonly Fault[];
      /** What must be said although it is good. */
      readonly text: string;
      /** "3 changes in force", for people. */
      readonly message: string;
    }
  | { readonly plan: undefined; readonly faults: readonly Fault[]; readonly text: string };

/**
 * Reads a configuration and judges it: as a start, or as the next one of a running engine, for
 * which everything that is fixed at start stays as it is. That there is none at all is a fault like
 * others.
 *
 * Only reached by import(): an engine that goes on after a crash needs no language.
 */
export async function judge(options: LoadOptions, before: Running | undefined): Promise<Judged> {
  let loaded: Loaded;
  try {
    loaded = await loadConfig(options);
  } catch (error) {
    if (!(error instanceof WeirError)) throw error;
    const faults = [faultSaying(error.message)];
    return { plan: undefined, faults, text: `${error.message}\n` };
  }
  const { plan, model, faults, files, textOf } = loaded;
  if (!plan || !model) return { plan: undefined, faults, text: renderFaults(faults, { textOf }) };
  if (!before) return { plan, model, files, faults, text: "", message: "" };
  const warnings = restartWarnings(before.startModel, model);
  return {
    plan: withoutRestart(plan, before),
    model,
    files,
    faults: [...faults, ...warnings],
    text: warnings.map((w) => `${w.path}: ${w.message}\n`).join(""),
    message: describeChanges(before.model, model),
  };
}

const withoutRestart = (plan: Plan, { plan: before, startModel }: Running): Plan => ({
  ...plan,
  engine: {
    ...before.engine,
    shutdownDelayMs: plan.engine.shutdownDelayMs,
    drainMs: plan.engine.drainMs,
  },
  // There may have been no service before, and so no director in the Plan.
  director: plan.director && {
    ...plan.director,
    connections: startModel.director.connections,
    pins: startModel.director.pins,
  },
  monitor: { ...plan.monitor, admin: before.monitor.admin },
});

/** What differs from the start and cannot be had by a reload. */
const restartWarnings = (start: Model, model: Model): Fault[] =>
  compareModels(start, model)
    .filter((change) => change.reload === "restart")
    .map(({ at, before = "nothing", after = "nothing" }) =>
      faultSaying(
        `going from ${before} to ${after} needs an upgrade or a restart`,
        at.join("."),
        "warning",
      ),
    );

function describeChanges(before: Model, after: Model): string {
  const count = compareModels(before, after).filter((c) => c.reload === "live").length;
  return count === 0 ? "nothing changed" : `${count} change${count === 1 ? "" : "s"} in force`;
}
