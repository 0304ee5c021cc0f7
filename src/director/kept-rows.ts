import type { ServicePlan } from "#plan/plan.ts";
import type { Allotment } from "./allotment.ts";
import type { ServerFacts } from "./facts.ts";

/**
 * Rows from which nothing new is to be had, but whose connections go on, by service: of servers
 * that are no longer its own where it says so, and of its servers that have another row by now.
 */
export type KeptRows = ReadonlyMap<ServicePlan, readonly number[]>;

/** A server's row. */
interface Placed {
  readonly row: number;
  readonly facts: Pick<ServerFacts, "identity">;
}

type Rows = Pick<Allotment, "owner" | "blockOf" | "leaving">;

/**
 * Rows of servers that are gone, those of `findKeptRows` among them, as long as they say where
 * (`hasAddress`): what such a server still sends is not for this machine, which would refuse it.
 */
export function findLeftRows(
  services: readonly ServicePlan[],
  allotment: Rows,
  rowsOf: (service: ServicePlan) => readonly Placed[],
  hasAddress: (row: number) => boolean,
): KeptRows {
  const leaving = Map.groupBy(allotment.leaving, (row) => allotment.owner(row).service);
  const left = services.map((service): [ServicePlan, readonly number[]] => {
    const { base, capacity } = allotment.blockOf(service);
    const now = new Set(rowsOf(service).map(({ row }) => row));
    const own = Array.from({ length: capacity }, (_, i) => base + i);
    const found = [...own, ...(leaving.get(service.slot) ?? [])].filter(
      (row) => !now.has(row) && hasAddress(row) && allotment.owner(row).service === service.slot,
    );
    return [service, found];
  });
  return new Map(left.filter(([, rows]) => rows.length > 0));
}

export function findKeptRows(
  services: readonly ServicePlan[],
  allotment: Rows,
  rowsOf: (service: ServicePlan) => readonly Placed[],
): KeptRows {
  const left = Map.groupBy(allotment.leaving, (row) => allotment.owner(row).service);
  const kept = services.map((service): [ServicePlan, readonly number[]] => {
    const isKept = service.onServerRemoved === "keep";
    const former = left.get(service.slot) ?? [];
    if (!isKept && former.length === 0) return [service, []];
    const now = rowsOf(service);
    const rows = new Set(now.map(({ row }) => row));
    const servers = new Set(now.map(({ facts }) => facts.identity));
    const { base, capacity } = allotment.blockOf(service);
    const own = isKept ? Array.from({ length: capacity }, (_, i) => base + i) : [];
    const found = [...own, ...former].filter((row) => {
      const { flags, service: slot, identity } = allotment.owner(row);
      if (flags === 0 || slot !== service.slot || rows.has(row)) return false;
      return isKept || servers.has(identity);
    });
    return [service, found];
  });
  return new Map(kept.filter(([, rows]) => rows.length > 0));
}

/** What remains without rows that `isGone` says of. */
export function withoutRows(kept: KeptRows, isGone: (row: number) => boolean): KeptRows {
  const left = [...kept].map(([service, rows]): [ServicePlan, readonly number[]] => [
    service,
    rows.filter((row) => !isGone(row)),
  ]);
  return new Map(left.filter(([, rows]) => rows.length > 0));
}
