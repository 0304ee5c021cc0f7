import type { DirectorPlan, Plan } from "#plan/plan.ts";

/** Some service goes by the firewall's marks. */
export const goesByMark = ({ services }: Pick<Plan, "services">): boolean =>
  services.some(({ mark }) => mark !== 0);

/**
 * Where packets are to be taken. Filters of tc set marks, and what is at tcx comes before all of
 * them: `auto` is clsact where marks are needed.
 */
export function hookFor(
  plan: Pick<Plan, "services">,
  { hook }: Pick<DirectorPlan, "hook">,
): DirectorPlan["hook"] {
  return hook === "auto" && goesByMark(plan) ? "clsact" : hook;
}
