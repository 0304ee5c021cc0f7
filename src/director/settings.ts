import { parseIp } from "#base/ip.ts";
import type { Netlink } from "#io/netlink.ts";
import type { DirectorPlan, Plan } from "#plan/plan.ts";
import type { TableCount } from "#plan/table-count.ts";
import { composeConfig } from "./compose.ts";
import { dropRate, isSecure } from "./defence.ts";
import type { Kernel } from "./kernel.ts";
import { ALL_PORTS, findLocalPorts } from "./local-ports.ts";
import type { ReplySenders } from "./reply-senders.ts";
import { rowKey } from "./rows.ts";

/** What goes for packets of all services: as the Plan says, and as the table of connections is. */
export class Settings {
  readonly #kernel: Kernel;
  readonly #netlink: Netlink;
  readonly #replySenders: ReplySenders;
  #localPorts = ALL_PORTS;
  /** Of connections, when it was counted last. */
  #table: TableCount = { count: 0, size: 1 };

  constructor(kernel: Kernel, netlink: Netlink, replySenders: ReplySenders) {
    this.#kernel = kernel;
    this.#netlink = netlink;
    this.#replySenders = replySenders;
  }

  apply(plan: Plan, director: DirectorPlan): void {
    this.#localPorts = findLocalPorts(this.#netlink, director);
    this.#write(plan, director);
    for (const [i, host] of director.localAddresses.entries()) {
      this.#kernel.maps.locals.update(rowKey(i), parseIp(host)!);
    }
  }

  /** What is done against a shortage is done from now on. */
  defend(table: TableCount, plan: Plan, director: DirectorPlan): void {
    const before = this.#table;
    this.#table = table;
    const isSame =
      dropRate(director, table) === dropRate(director, before) &&
      isSecure(director, table) === isSecure(director, before);
    if (!isSame) this.#write(plan, director);
  }

  #write(plan: Plan, director: DirectorPlan): void {
    const row = composeConfig(plan, director, {
      destinations: this.#kernel.maps.destinations.maxEntries,
      dropRate: dropRate(director, this.#table),
      isSecure: isSecure(director, this.#table),
      hasReplies: this.#replySenders.areThere,
      localPorts: this.#localPorts,
    });
    this.#kernel.configuration.update(rowKey(0), row);
  }
}
