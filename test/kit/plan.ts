import { type CompileContext, compileConfig } from "#config/compile.ts";
import { renderFaults } from "#config/faults.ts";
import type { Plan } from "#plan/plan.ts";

/** The Plan of a configuration in YAML. Throws its errors as `weir check` would print them. */
export function planFromText(text: string, context: CompileContext = {}): Plan {
  const file = "weir.yaml";
  const { plan, faults } = compileConfig([{ file, text }], context);
  if (plan) return plan;
  const errors = faults.filter((fault) => fault.severity === "error");
  throw new Error(`\n${renderFaults(errors, { textOf: () => text })}`);
}
