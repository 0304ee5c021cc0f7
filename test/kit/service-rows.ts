import { Allotment } from "#director/allotment.ts";
import type { Block } from "#director/compose.ts";
import { RowTable } from "#director/row-table.ts";
import { MAP_TYPE } from "#io/bpf/abi.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { DESTINATION, SERVICE } from "#plan/director-layout.ts";
import { DESTINATION_FLAG } from "#plan/director-numbers.ts";
import type { Plan, ServicePlan } from "#plan/plan.ts";
import { rowIdentity } from "#plan/row-identity.ts";
import type { Owner } from "./owner.ts";

/** Rows of destinations and who has them; what is written in them is what these tests write. */
export class ServiceRows {
  readonly allotment: Allotment;
  readonly #destinations: RowTable;

  constructor(owner: Owner, rows: number) {
    const table = (name: string, valueBytes: number): RowTable => {
      const type = MAP_TYPE.ARRAY;
      const map = BpfMap.create({ name, type, keyBytes: 4, valueBytes, maxEntries: rows });
      owner.after(() => map.close());
      return new RowTable(map);
    };
    this.#destinations = table("destinations", DESTINATION.BYTES);
    this.allotment = new Allotment(table("services", SERVICE.BYTES), this.#destinations);
  }

  /** Puts a Plan in force; the rows of its services. */
  assign(plan: Plan): Block[] {
    this.allotment.assign(plan);
    for (const service of plan.services) this.#write(plan, service);
    return plan.services.map((service) => {
      const { base, capacity } = this.allotment.blockOf(service);
      return { base, capacity };
    });
  }

  /** Where the servers of a service are. */
  rowsOf(plan: Plan, service: ServicePlan): { row: number; facts: { identity: number } }[] {
    const { name, servers } = plan.backends[service.backend]!;
    const { base } = this.allotment.blockOf(service);
    return servers.map((server) => ({
      row: base + this.allotment.numberOf(name, server.name),
      facts: { identity: rowIdentity(`${name}/${server.name}`) },
    }));
  }

  #write(plan: Plan, service: ServicePlan): void {
    for (const { row, facts } of this.rowsOf(plan, service)) {
      const value = new Uint8Array(DESTINATION.BYTES);
      const view = new DataView(value.buffer);
      view.setUint32(DESTINATION.SERVICE, service.slot, true);
      view.setUint32(DESTINATION.IDENTITY, facts.identity, true);
      value[DESTINATION.FLAGS] = DESTINATION_FLAG.PRESENT;
      this.#destinations.set(row, value);
    }
  }

  /** As control leaves a row that nobody is to have. */
  clear(row: number): void {
    const value = this.#destinations.get(row);
    value[DESTINATION.FLAGS] = 0;
    this.#destinations.set(row, value);
  }
}
