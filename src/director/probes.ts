import { parseIp } from "#base/ip.ts";
import type { Netlink } from "#io/netlink.ts";
import { PROBE_WAY } from "#plan/director-layout.ts";
import { PROBE } from "#plan/director-numbers.ts";
import { forwardingOf } from "#plan/forwarding.ts";
import type { ForwardingMethod, Plan } from "#plan/plan.ts";
import type { Exits } from "./exits.ts";
import type { Kernel } from "./kernel.ts";
import { type Family, familyOf, findOwnAddress } from "./own-addresses.ts";
import type { Roster } from "./roster.ts";
import { rowKey } from "./rows.ts";
import type { ServerRows } from "./server-rows.ts";
import { Table } from "./table.ts";

/** A server whose check goes the way of packets; by `nat` and the like that is to its address. */
interface ProbedServer {
  /** Of `destinations`. */
  readonly row: number;
  /** 16 bytes; undefined while its name is not resolved. */
  readonly address: Uint8Array | undefined;
  /** The service's, that the check is to find on it. */
  readonly service: Uint8Array;
  /** Index of the interface towards it; 0 = there is no way. */
  readonly interface: number;
  readonly method: ForwardingMethod;
}

/** The check's packets are of the other family once they have left. */
const crosses = ({ address, service }: ProbedServer): boolean =>
  address !== undefined && familyOf(address) !== familyOf(service);

/** An address of this machine, of a family, that checks may come from; undefined: there is none. */
type FindOwn = (family: Family) => Uint8Array | undefined;

/**
 * How a check gets there: by a mark for its packets, or by the server's own address as packets of
 * the service do; or why it cannot.
 */
export type ProbePath = { readonly mark: number } | "address" | { readonly problem: string };

const goesByAddress = ({ method }: ProbedServer): boolean => method !== "dr" && method !== "tun";

/**
 * Checks that go the way of packets (bpf/probe.h): what the programs need to know, and by which
 * interfaces checks leave.
 */
export class Probes {
  readonly #netlink: Netlink;
  readonly #exits: Exits;
  readonly #table: Table;
  #servers: ReadonlyMap<number, ProbedServer> = new Map();
  #interfaces: ReadonlySet<number> = new Set();
  /** By family, where some server is not of its service's. */
  #own: ReadonlyMap<Family, Uint8Array | undefined> = new Map();

  constructor(kernel: Kernel, netlink: Netlink, exits: Exits) {
    this.#netlink = netlink;
    this.#exits = exits;
    this.#table = new Table(kernel.maps.probe_ways);
  }

  /** The Plan's checks that go by services, and no others, from now on. */
  follow(plan: Plan, roster: Roster, rows: ServerRows): void {
    const { services, backends } = plan;
    const servers = services.flatMap((service): ProbedServer[] => {
      const { check } = backends[service.backend]!;
      if (check?.via !== service.name) return [];
      const vip = parseIp(check.vip ?? service.binds[0]!.host)!;
      return roster.rowsOf(service).map(({ row, facts }) => ({
        row,
        address: facts.address,
        service: vip,
        interface: rows.interfaceOf(row),
        method: forwardingOf(service, facts).method,
      }));
    });
    this.#apply(servers, (family) => findOwnAddress(this.#netlink, family, plan));
  }

  #apply(servers: readonly ProbedServer[], findOwn: FindOwn): void {
    this.#servers = new Map(servers.map((server) => [server.row, server]));
    const probed = servers.filter((server) => !goesByAddress(server));
    const families = new Set(probed.filter(crosses).map(({ service }) => familyOf(service)));
    this.#own = new Map([...families].map((family) => [family, findOwn(family)]));
    this.#interfaces = new Set(probed.map((server) => server.interface).filter(Boolean));
    this.#table.replace(
      probed.map((server) => ({ key: rowKey(server.row), value: this.#wayTo(server) })),
    );
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

  /** Indexes of the interfaces that checks leave by. */
  get interfaces(): ReadonlySet<number> {
    return this.#interfaces;
  }

  /** The way of a server's checks. */
  pathTo(row: number): ProbePath {
    const server = this.#servers.get(row);
    if (!server?.address) return { problem: "the director does not know the server yet" };
    if (goesByAddress(server)) return "address";
    const family = familyOf(server.service);
    if (crosses(server)) {
      if (server.method !== "tun") {
        return { problem: "the service's address and the server's are not of one family" };
      }
      if (!this.#own.get(family)) {
        return { problem: `this machine has no IPv${family} address that a check could come from` };
      }
    }
    const problem = this.#exits.problemAt(server.interface);
    return problem === undefined ? { mark: PROBE.MARK + row } : { problem };
  }
}
