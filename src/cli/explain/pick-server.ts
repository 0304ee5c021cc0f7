import type { KeySpec } from "#balance/key.ts";
import { NO_KEY, queryKey, sourceKey, uriKey, valueKey } from "#balance/key-hash.ts";
import type { Pool } from "#balance/scheduler.ts";
import { schedulerByName } from "#balance/schedulers/index.ts";
import { assert } from "#base/assert.ts";
import { sameLower } from "#base/bytes.ts";
import { hashText } from "#base/hash.ts";
import { FIELD_WORDS } from "#http/head.ts";
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
  const key = spec === undefined ? NO_KEY : keyOf(spec, view);
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

/** The key as the proxy reads it. */
function keyOf(spec: KeySpec, { bytes, head, peer, peerAt }: RequestView): number {
  switch (spec.kind) {
    case "source":
      return sourceKey(peer, peerAt);
    case "uri": {
      const end = spec.whole && head.queryEnd > head.queryStart ? head.queryEnd : head.pathEnd;
      return uriKey(bytes, head.pathStart, end, spec.depth, spec.length);
    }
    case "query":
      return queryKey(bytes, head.queryStart, head.queryEnd, spec.name);
    default:
      for (let cell = 0; cell < head.count * FIELD_WORDS; cell += FIELD_WORDS) {
        const [nameFrom, nameTo, from, to] = head.fields.subarray(cell, cell + FIELD_WORDS);
        if (sameLower(bytes, nameFrom!, nameTo!, spec.name)) return valueKey(bytes, from!, to!);
      }
      return NO_KEY;
  }
}
