import type { Plan, ServicePlan } from "#plan/plan.ts";
import type { Allotment } from "./allotment.ts";
import type { ServerPlace } from "./compose.ts";
import type { PlacedServer, Roster } from "./roster.ts";
import type { ServerRows } from "./server-rows.ts";

/** A row of a service whose server is gone, or has another row by now. */
export interface GoneRow {
  readonly row: number;
  /** Nothing new is to be had from it, but its connections go on. */
  readonly isKept: boolean;
}

/**
 * Rows of servers that are gone, as long as they say where these are (`hasAddress`): what such a
 * server still sends is not for this machine, which would refuse it. Kept are those of servers that
 * are no longer the service's own where it says so, and of its servers that have another row.
 */
export function findGoneRows(
  services: readonly ServicePlan[],
  allotment: Pick<Allotment, "owner" | "blockOf" | "leaving">,
  rowsOf: (service: ServicePlan) => readonly {
    readonly row: number;
    readonly facts: Pick<PlacedServer["facts"], "identity">;
  }[],
  hasAddress: (row: number) => boolean,
): Map<ServicePlan, GoneRow[]> {
  const { leaving } = allotment;
  const former = Map.groupBy(leaving, (row) => allotment.owner(row).service);
  const gone = new Map<ServicePlan, GoneRow[]>();
  for (const service of services) {
    const { base, capacity } = allotment.blockOf(service);
    const now = rowsOf(service);
    const rows = new Set(now.map(({ row }) => row));
    const servers = new Set(now.map(({ facts }) => facts.identity));
    const own = Array.from({ length: capacity }, (_, i) => base + i);
    const found = [...own, ...(former.get(service.slot) ?? [])].flatMap((row) => {
      const { flags, service: slot, identity } = allotment.owner(row);
      if (slot !== service.slot || rows.has(row) || !hasAddress(row)) return [];
      const hasMoved = leaving.has(row) && servers.has(identity);
      return { row, isKept: flags !== 0 && (service.onServerRemoved === "keep" || hasMoved) };
    });
    if (found.length > 0) gone.set(service, found);
  }
  return gone;
}

/** Servers of services that are gone, but whose rows say something still. */
export class GoneServers {
  readonly #allotment: Allotment;
  readonly #roster: Roster;
  readonly #servers: ServerRows;
  #rows: ReadonlyMap<ServicePlan, readonly GoneRow[]> = new Map();

  constructor(allotment: Allotment, roster: Roster, servers: ServerRows) {
    this.#allotment = allotment;
    this.#roster = roster;
    this.#servers = servers;
  }

  /** Looks for them, when rows of those that are there are written. */
  find({ services }: Plan): void {
    this.#rows = findGoneRows(
      services,
      this.#allotment,
      (service) => this.#roster.rowsOf(service),
      (row) => this.#servers.placeOf(row).address!.some((byte) => byte !== 0),
    );
  }

  /** Where those of a service were. */
  placesOf(service: ServicePlan): ServerPlace[] {
    return (this.#rows.get(service) ?? []).map(({ row }) => this.#servers.placeOf(row));
  }

  /** They take nothing, and what they had is not known, unless it is kept. */
  retire({ services }: Plan): void {
    const wanted = new Set(services.flatMap((s) => this.#roster.rowsOf(s).map(({ row }) => row)));
    const kept = new Set(this.#kept());
    for (const row of this.#servers.inUse()) {
      if (!wanted.has(row)) this.#servers.retire(row, kept.has(row));
    }
    this.writeRoutes();
    this.#servers.flushRetired();
  }

  /** The ways to those whose connections go on. */
  writeRoutes(): void {
    const places = this.#kept().map((row) => ({ row, place: this.#servers.placeOf(row) }));
    this.#servers.learn(places.map(({ place }) => place));
    for (const { row, place } of places) this.#servers.writeRoute(row, place);
  }

  /** Those that `isIdle` says of are free. True when there are any. */
  settle(isIdle: (row: number) => boolean): boolean {
    const idle = new Set(this.#all().filter(({ row }) => isIdle(row)));
    if (idle.size === 0) return false;
    for (const { row } of idle) this.#servers.forget(row);
    const rows = [...this.#rows].map(([service, gone]): [ServicePlan, GoneRow[]] => [
      service,
      gone.filter((one) => !idle.has(one)),
    ]);
    this.#rows = new Map(rows);
    this.#servers.flushRetired();
    return true;
  }

  #all(): GoneRow[] {
    return [...this.#rows.values()].flat();
  }

  #kept(): number[] {
    return this.#all().flatMap(({ row, isKept }) => (isKept ? [row] : []));
  }
}
