import { formatAddress } from "#base/address.ts";
import type { BindPlan, FrontendPlan, LogPlan } from "#plan/plan.ts";
import type { Bind } from "../model/bind.ts";
import type { Frontend } from "../model/frontend.ts";
import type { Log } from "../model/log.ts";

/** What a frontend's plan needs that is not in its own section. */
export interface FrontendContext {
  readonly slot: number;
  readonly maxConnections: number;
  readonly backend: (name: string) => number;
  /** Index of a log in Plan.logs, or -1 for none. */
  readonly log: (log: Log) => number;
  readonly errorPages: FrontendPlan["errorPages"];
}

export function planFrontend(name: string, from: Frontend, context: FrontendContext): FrontendPlan {
  const { timeouts } = from;
  return {
    name,
    slot: context.slot,
    mode: from.mode,
    binds: from.bind.map((bind, i) => planBind(name, bind, i)),
    maxConnections: Math.min(from.maxConnections ?? context.maxConnections, context.maxConnections),
    maxBodyBytes: from.maxBody ?? Number.MAX_SAFE_INTEGER,
    timeouts: {
      requestMs: timeouts.request,
      keepAliveMs: timeouts.keepAlive,
      clientMs: timeouts.client,
    },
    forwarded: from.forwarded,
    rules: from.rules,
    defaultBackend: from.default === undefined ? -1 : context.backend(from.default),
    log: context.log(from.log),
    errorPages: context.errorPages,
  };
}

/** A new port each time has no name of its own, so the frontend's stands for it. */
function planBind(frontend: string, { address, backlog, v6Only, mode }: Bind, i: number): BindPlan {
  const isNew = address.kind === "inet" && address.port === 0;
  const key = formatAddress(address) + (isNew ? ` ${frontend} ${i}` : "");
  return { key, address, backlog, v6Only, mode };
}

/** Collects the logs of a Plan, each once; gives their indices, -1 for none. */
export function createLogs(): { readonly logs: LogPlan[]; readonly index: (log: Log) => number } {
  const logs: LogPlan[] = [];
  const index = ({ format, target }: Log): number => {
    if (format === "none") return -1;
    const known = logs.findIndex((log) => log.format === format && log.target === target);
    return known >= 0 ? known : logs.push({ format, target }) - 1;
  };
  return { logs, index };
}
