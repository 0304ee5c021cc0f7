import { NO_KEY } from "#balance/key-hash.ts";
import { requestKey } from "#balance/request-key.ts";
import type { Pool } from "#balance/scheduler.ts";
import { schedulerByName } from "#balance/schedulers/index.ts";
import { assert } from "#base/assert.ts";
import { hashText } from "#base/hash.ts";
import { WEIGHT_SCALE } from "#plan/board.ts";
import type { BackendPlan, ServerPlan } from "#plan/plan.ts";
import type { RequestView } from "#rules/types.ts";

/** What a backend's scheduler would say, all servers being up and nothing under way. */
export interface Pick {
  readonly scheduler: string;
  readonly summary: string;
  /** What of the request it hashes; undefined when it looks at none of it. */
  readonly key: { readonly kind: string; readonly found: boolean } | undefined;
  /** Those that may be chosen. */
  readonly candidates: readonly string[];
  readonly server: string | undefined;
}

/** Asks a fresh scheduler, as a worker would have it at its start. */
export function pickServer(backend: BackendPlan, view: RequestView): Pick {
  const type = schedulerByName(backend.balance.name);
  assert(type, `scheduler ${backend.balance.name} is not registered`);
  const options = backend.balance.options as never;
  const weights = backend.servers.map((server) => weightOf(server, backend));
  const scheduler = type.create(idlePool(backend, weights), options, 0);
  const spec = type.key?.(options);
  const { bytes, head, peer, peerAt } = view;
  const key = spec === undefined ? NO_KEY : requestKey(spec, bytes, head, peer, peerAt);
  const position = scheduler.pick(key, 0);
  return {
    scheduler: type.name,
    summary: type.summary,
    key: spec && { kind: spec.kind, found: key !== NO_KEY },
    candidates: backend.servers.filter((_, i) => weights[i]! > 0).map((server) => server.name),
    server: backend.servers[position]?.name,
  };
}

/** Backups serve only where nobody else is configured to. */
export function weightOf(server: ServerPlan, { servers }: BackendPlan): number {
  const usable = (s: ServerPlan): boolean => s.admin === "ready" && s.weight > 0;
  const needsBackup = !servers.some((s) => usable(s) && !s.backup);
  const takes = usable(server) && (!server.backup || needsBackup);
  return takes ? server.weight * WEIGHT_SCALE : 0;
}

function idlePool({ servers }: BackendPlan, weights: readonly number[]): Pool {
  return {
    count: servers.length,
    weight: Int32Array.from(weights),
    identity: Int32Array.from(servers, (server) => hashText(server.name)),
    load: () => 0,
    total: () => 0,
    full: () => false,
    rate: () => 0,
  };
}
