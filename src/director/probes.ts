import { parseIp } from "#base/ip.ts";
import { listInterfaces } from "#io/interfaces.ts";
import type { Netlink } from "#io/netlink.ts";
import { PROBE_WAY } from "#plan/director-layout.ts";
import { PROBE } from "#plan/director-numbers.ts";
import type { Plan, ServicePlan } from "#plan/plan.ts";
import { attachProbe, detachProbe, probedDevices } from "./attach.ts";
import type { ServerPlace } from "./compose.ts";
import type { Kernel } from "./kernel.ts";
import { type Family, familyOf } from "./own-addresses.ts";
import { rowKey } from "./rows.ts";
import { Table } from "./table.ts";

/** A server whose check goes the way of packets. */
export interface ProbedServer {
  /** Of `destinations`. */
  readonly row: number;
  /** 16 bytes; undefined while its name is not resolved. */
  readonly address: Uint8Array | undefined;
  /** The service's, that the check is to find on it. */
  readonly service: Uint8Array;
  /** Index of the interface towards it; 0 = there is no way. */
  readonly interface: number;
  /** Packets get there in another, which may be of the other family. */
  readonly tunnelled: boolean;
}

/** The check's packets are of the other family once they have left. */
const crosses = ({ address, service }: ProbedServer): boolean =>
  address !== undefined && familyOf(address) !== familyOf(service);

/** Servers of services that checks go by. */
export function probedServers(
  plan: Plan,
  rowsOf: (service: ServicePlan) => { readonly row: number; readonly facts: ServerPlace }[],
  interfaceOf: (row: number) => number,
): ProbedServer[] {
  return plan.services.flatMap((service) => {
    const { check } = plan.backends[service.backend]!;
    if (check?.via !== service.name) return [];
    const vip = parseIp(check.vip ?? service.binds[0]!.host)!;
    const tunnelled = service.method === "tun";
    return rowsOf(service).map(({ row, facts: { address } }) => {
      return { row, address, service: vip, interface: interfaceOf(row), tunnelled };
    });
  });
}

/** An interface that checks leave by. */
interface ProbedDevice {
  readonly name: string;
  /** Their answers are looked for there: the director takes no packets of it. */
  readonly answers: boolean;
  /** What went wrong. */
  readonly problem?: string;
}

/** An address of this machine, of a family, that checks may come from; undefined: there is none. */
type FindOwn = (family: Family) => Uint8Array | undefined;

/** How a check gets there: by a mark for its packets; or why it cannot. */
export type ProbePath = { readonly mark: number } | { readonly problem: string };

/**
 * Checks that go the way of packets (bpf/probe.h): what the programs need to know, and that they
 * run on the interfaces towards the servers in question.
 */
export class Probes {
  readonly #kernel: Kernel;
  readonly #netlink: Netlink;
  readonly #table: Table;
  /** By index. */
  readonly #devices = new Map<number, ProbedDevice>();
  #servers: ReadonlyMap<number, ProbedServer> = new Map();
  /** By family, where some server is not of its service's. */
  #own: ReadonlyMap<Family, Uint8Array | undefined> = new Map();

  constructor(kernel: Kernel, netlink: Netlink) {
    this.#kernel = kernel;
    this.#netlink = netlink;
    this.#table = new Table(kernel.maps.probe_ways);
  }

  /** Exactly these from now on. `taken`: where the director itself sees the answers. */
  apply(servers: readonly ProbedServer[], taken: readonly string[], findOwn: FindOwn): void {
    this.#servers = new Map(servers.map((server) => [server.row, server]));
    const families = new Set(servers.filter(crosses).map(({ service }) => familyOf(service)));
    this.#own = new Map([...families].map((family) => [family, findOwn(family)]));
    this.#table.replace(
      servers.map((server) => ({ key: rowKey(server.row), value: this.#wayTo(server) })),
    );
    this.#attach(new Set(servers.map((server) => server.interface).filter(Boolean)), taken);
  }

  /** Some checks come from an address of ours that may be another by and by. */
  get dependsOnAddresses(): boolean {
    return this.#own.size > 0;
  }

  #wayTo(server: ProbedServer): Uint8Array {
    const value = new Uint8Array(PROBE_WAY.BYTES);
    value.set(server.service, PROBE_WAY.SERVICE);
    const own = crosses(server) ? this.#own.get(familyOf(server.service)) : undefined;
    if (own) value.set(own, PROBE_WAY.OURS);
    return value;
  }

  #attach(wanted: ReadonlySet<number>, taken: readonly string[]): void {
    const { folder, programs } = this.#kernel;
    for (const index of this.#devices.keys()) if (!wanted.has(index)) this.#devices.delete(index);
    const fresh = [...wanted].filter((index) => {
      const device = this.#devices.get(index);
      return device?.answers !== !taken.includes(device?.name ?? "");
    });
    const known = fresh.length > 0 ? listInterfaces(this.#netlink) : [];
    for (const index of fresh) {
      const found = known.find((device) => device.index === index);
      // What goes to ourselves leaves by no interface of interest.
      if (!found || found.isLoopback) continue;
      const { name } = found;
      const answers = !taken.includes(name);
      try {
        attachProbe(folder, this.#netlink, programs, name, answers);
        this.#devices.set(index, { name, answers });
      } catch (error) {
        const problem = `${name}: ${(error as Error).message}`;
        this.#devices.set(index, { name, answers, problem });
      }
    }
    const names = new Set([...this.#devices.values()].map(({ name }) => name));
    for (const name of probedDevices(folder)) {
      if (!names.has(name)) detachProbe(folder, this.#netlink, name, !taken.includes(name));
    }
  }

  /** The way of a server's checks. */
  pathTo(row: number): ProbePath {
    const server = this.#servers.get(row);
    if (!server?.address) return { problem: "the director does not know the server yet" };
    const family = familyOf(server.service);
    if (crosses(server)) {
      if (!server.tunnelled) {
        return { problem: "the service's address and the server's are not of one family" };
      }
      if (!this.#own.get(family)) {
        return { problem: `this machine has no IPv${family} address that a check could come from` };
      }
    }
    const problem = this.#devices.get(server.interface)?.problem;
    return problem === undefined ? { mark: PROBE.MARK + row } : { problem };
  }
}
