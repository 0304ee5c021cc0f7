import type { BackendPlan, ServicePlan } from "#plan/plan.ts";
import type { Allotment } from "./allotment.ts";
import { composeService, lookupsOf } from "./compose.ts";
import type { ServerFacts } from "./facts.ts";
import type { Kernel } from "./kernel.ts";
import { composePool, type Pool, scheduleOf } from "./pool.ts";
import { Pools } from "./pools.ts";
import type { Roster } from "./roster.ts";
import type { RowTable } from "./row-table.ts";
import { Table } from "./table.ts";

/** What leads a packet to a server: `lookups` and `ranges`, to `services`, to `pools`. */
export class Services {
  readonly #allotment: Allotment;
  readonly #lookups: Table;
  readonly #ranges: Table;
  readonly #rows: RowTable;
  readonly #pools: Pools;
  /** The last weight that was not 0, by the server's identity. */
  readonly #lastWeights = new Map<number, number>();

  constructor({ lookups, ranges, pools }: Kernel["maps"], rows: RowTable, allotment: Allotment) {
    this.#allotment = allotment;
    this.#lookups = new Table(lookups);
    this.#ranges = new Table(ranges);
    this.#rows = rows;
    this.#pools = new Pools(pools);
  }

  /** Writes the tables of backends, then the services that name these. */
  writePools(backends: readonly BackendPlan[], roster: Roster): void {
    const pools = new Map(
      backends.map((backend) => [backend, this.#composePool(backend, roster.factsOf(backend))]),
    );
    this.#pools.write(new Map([...pools].map(([{ slot }, pool]) => [slot, pool])));
    for (const [backend, pool] of pools) {
      for (const service of roster.servicesOf(backend)) {
        const block = this.#allotment.blockOf(service);
        this.#rows.set(service.slot, composeService(service, backend, pool, block));
      }
    }
    this.#rows.flush();
  }

  /** Exactly these are found from now on. */
  writeLookups(services: readonly ServicePlan[]): void {
    const found = services.map(lookupsOf);
    this.#lookups.replace(found.flatMap(({ lookups }) => lookups));
    this.#ranges.replace(found.flatMap(({ ranges }) => ranges));
  }

  close(): void {
    this.#pools.close();
  }

  #composePool(backend: BackendPlan, facts: readonly ServerFacts[]): Pool {
    return composePool(
      scheduleOf(backend.balance),
      facts.map((server) => this.#packetServer(server)),
      facts.map(({ name }) => this.#allotment.numberOf(backend.name, name)),
    );
  }

  #packetServer({ identity, weight, address, port }: ServerFacts) {
    if (weight > 0) this.#lastWeights.set(identity, weight);
    const lastWeight = this.#lastWeights.get(identity) ?? 0;
    return { identity, weight, lastWeight, address: address ?? new Uint8Array(16), port };
  }
}
