import { parseIp } from "#base/ip.ts";
import type { Netlink } from "#io/netlink.ts";
import type { DirectorPlan, Plan } from "#plan/plan.ts";
import { composeConfig } from "./compose.ts";
import { dropRate, isSecure, NO_SHORTAGE, type Shortage } from "./defence.ts";
import type { Kernel } from "./kernel.ts";
import { ALL_PORTS, findLocalPorts } from "./local-ports.ts";
import { rowKey } from "./rows.ts";

/** What goes for packets of all services: as the Plan says, and as the table of connections is. */
export class Settings {
  readonly #kernel: Kernel;
  readonly #netlink: Netlink;
  #localPorts = ALL_PORTS;
  /** Of the connection table, when it was counted last. */
  #shortage: Shortage = NO_SHORTAGE;

  constructor(kernel: Kernel, netlink: Netlink) {
    this.#kernel = kernel;
    this.#netlink = netlink;
  }

  apply(plan: Plan, director: DirectorPlan): void {
    this.#localPorts = findLocalPorts(this.#netlink, director);
    this.#write(plan, director);
    for (const [i, host] of director.localAddresses.entries()) {
      this.#kernel.maps.locals.update(rowKey(i), parseIp(host)!);
    }
  }

  /** What is done against a shortage is done from now on. */
  defend(shortage: Shortage, plan: Plan, director: DirectorPlan): void {
    const before = this.#shortage;
    this.#shortage = shortage;
    const isSame =
      dropRate(director, shortage) === dropRate(director, before) &&
      isSecure(director, shortage) === isSecure(director, before);
    if (!isSame) this.#write(plan, director);
  }

  #write(plan: Plan, director: DirectorPlan): void {
    const row = composeConfig(plan, director, {
      destinations: this.#kernel.maps.destinations.maxEntries,
      dropRate: dropRate(director, this.#shortage),
      isSecure: isSecure(director, this.#shortage),
      localPorts: this.#localPorts,
    });
    this.#kernel.configuration.update(rowKey(0), row);
  }
}
