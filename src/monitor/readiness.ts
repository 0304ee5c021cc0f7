import type { ControlApi } from "#control/api.ts";
import { BACKEND } from "#plan/board.ts";
import { directorProblem } from "./director-status.ts";

/** One condition, and how it stands. */
export interface Condition {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
  /** Not fatal: named by healthz, but new connections are welcome all the same. */
  readonly advice?: true;
}

export const isReady = (conditions: readonly Condition[]): boolean =>
  conditions.every((condition) => condition.ok || condition.advice);

/** Whether a load balancer before this one should send it connections. */
export function readiness(api: ControlApi): readonly Condition[] {
  const status = api.status();
  const plan = api.plan();
  const running = status.workers.filter((worker) => worker.state === "running").length;
  const bound = plan.frontends.filter((frontend) => frontend.binds.length > 0).length;
  const empty = plan.backends.filter(
    ({ slot }) => api.board.backends[slot * BACKEND.size + BACKEND.USABLE] === 0,
  );
  const reloaded = status.lastReload?.ok ?? true;
  return [
    { name: "engine", ok: status.state === "running", text: `the engine is ${status.state}` },
    {
      name: "workers",
      ok: running > 0,
      text: `${running} of ${status.workers.length} workers run`,
    },
    {
      name: "frontends",
      ok: bound > 0 || plan.services.length > 0,
      text: `${bound} frontends listen`,
    },
    ...directorConditions(api),
    {
      name: "backends",
      ok: empty.length === 0,
      text: empty.length
        ? `no usable server in ${empty.map((backend) => backend.name).join(", ")}`
        : `all ${plan.backends.length} have a usable server`,
      advice: true,
    },
    {
      name: "configuration",
      ok: reloaded,
      text: reloaded ? "as last read" : "the last reload was refused, the one before is in force",
      advice: true,
    },
  ];
}

/** Whoever has services serves them all, or should not be sent their packets. */
function directorConditions(api: ControlApi): readonly Condition[] {
  const status = api.director();
  if (!status) return [];
  const problem = directorProblem(status);
  const devices = status.interfaces.map(({ device }) => device).join(", ");
  return [{ name: "director", ok: problem === "", text: problem || `takes packets of ${devices}` }];
}
