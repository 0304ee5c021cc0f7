import type { ServicePlan } from "#plan/plan.ts";
import { composeServers, isAmbiguous, type ServerPlace } from "./compose.ts";
import type { Kernel } from "./kernel.ts";
import { RowTable } from "./row-table.ts";
import { replyPorts } from "./rows.ts";
import { Table } from "./table.ts";

/** Whose packets are replies: `servers`, and which ports they come from. */
export class ReplySenders {
  readonly #servers: Table;
  readonly #ports: RowTable;

  constructor(maps: Kernel["maps"]) {
    this.#servers = new Table(maps.servers);
    this.#ports = new RowTable(maps[".bss.ports"]);
  }

  /** Some are known, be it such as are gone by now. */
  get areThere(): boolean {
    return this.#servers.size > 0;
  }

  write(
    services: readonly ServicePlan[],
    placesOf: (service: ServicePlan) => readonly ServerPlace[],
  ): void {
    const entries = composeServers(services, placesOf, (key) => this.#servers.get(key));
    // A port is looked for before there is anything to find, and as long as there is.
    const before = this.#ports.get(0);
    const ports = replyPorts(entries.map(({ key }) => key));
    this.#writePorts(ports.map((bits, i) => bits | before[i]!));
    this.#servers.replace(entries);
    this.#writePorts(ports);
  }

  #writePorts(ports: Uint8Array): void {
    this.#ports.set(0, ports);
    this.#ports.flush();
  }

  /** Replies of that server do not say by themselves whose they are; see composeServers. */
  isAmbiguous(key: Uint8Array): boolean {
    const value = this.#servers.get(key);
    return value !== undefined && isAmbiguous(value);
  }
}
