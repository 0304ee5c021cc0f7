import { isMapped, parseIp } from "#base/ip.ts";
import { listInterfaces } from "#io/interfaces.ts";
import type { Netlink } from "#io/netlink.ts";
import { PROBE } from "#plan/director-numbers.ts";
import type { Plan } from "#plan/plan.ts";
import { attachProbe, detachProbe, probedDevices } from "./attach.ts";
import type { Kernel } from "./kernel.ts";
import type { Roster } from "./roster.ts";
import { rowKey } from "./rows.ts";
import type { ServerRows } from "./server-rows.ts";
import { Table } from "./table.ts";

/** A server whose check goes the way of packets. */
interface ProbedServer {
  /** Of `destinations`. */
  readonly row: number;
  /** 16 bytes; undefined while its name is not resolved. */
  readonly address: Uint8Array | undefined;
  /** The service's, that the check is to find on it. */
  readonly service: Uint8Array;
  /** Index of the interface towards it; 0 = there is no way. */
  readonly interface: number;
}

/** An interface that checks leave by. */
interface ProbedDevice {
  readonly name: string;
  /** Their answers are looked for there: the director takes no packets of it. */
  readonly answers: boolean;
  /** What went wrong. */
  readonly problem?: string;
}

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

  constructor(kernel: Kernel, netlink: Netlink) {
    this.#kernel = kernel;
    this.#netlink = netlink;
    this.#table = new Table(kernel.maps.probes);
  }

  /** The Plan's checks that go by services, and no others, from now on. */
  follow(plan: Plan, roster: Roster, rows: ServerRows): void {
    const names = new Set(roster.backends.map(({ check }) => check?.via));
    const services = plan.services.filter(({ name }) => names.has(name));
    const servers = services.flatMap((service): ProbedServer[] =>
      roster.rowsOf(service).map(({ row, facts }) => ({
        row,
        address: facts.address,
        service: parseIp(service.binds[0]!.host)!,
        interface: rows.interfaceOf(row),
      })),
    );
    this.#apply(servers, plan.director!.interfaces);
  }

  /** `taken`: where the director itself sees the answers. */
  #apply(servers: readonly ProbedServer[], taken: readonly string[]): void {
    this.#servers = new Map(servers.map((server) => [server.row, server]));
    this.#table.replace(servers.map(({ row, service }) => ({ key: rowKey(row), value: service })));
    this.#attach(new Set(servers.map((server) => server.interface).filter(Boolean)), taken);
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
    if (isMapped(server.address) !== isMapped(server.service)) {
      return { problem: "the service's address and the server's are not of one family" };
    }
    const problem = this.#devices.get(server.interface)?.problem;
    return problem === undefined ? { mark: PROBE.MARK + row } : { problem };
  }
}
