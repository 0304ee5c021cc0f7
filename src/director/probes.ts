import { isMapped } from "#base/ip.ts";
import { listInterfaces } from "#io/interfaces.ts";
import type { Netlink } from "#io/netlink.ts";
import { PROBE } from "#plan/director-numbers.ts";
import type { ForwardingMethod } from "#plan/plan.ts";
import { attachProbe, detachProbe, probedDevices } from "./attach.ts";
import type { Kernel } from "./kernel.ts";
import { rowKey } from "./rows.ts";
import { Table } from "./table.ts";

/** A server whose check goes the way of packets; by `nat` and the like that is to its address. */
export interface ProbedServer {
  /** Of `destinations`. */
  readonly row: number;
  /** 16 bytes; undefined while its name is not resolved. */
  readonly address: Uint8Array | undefined;
  readonly method: ForwardingMethod;
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

/**
 * How a check gets there: by a mark for its packets, or by the server's own address as packets of
 * the service do; or why it cannot.
 */
export type ProbePath = { readonly mark: number } | "address" | { readonly problem: string };

const goesByAddress = ({ method }: ProbedServer): boolean => method !== "dr" && method !== "tun";

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

  /** Exactly these from now on. `taken`: where the director itself sees the answers. */
  apply(servers: readonly ProbedServer[], taken: readonly string[]): void {
    this.#servers = new Map(servers.map((server) => [server.row, server]));
    const probed = servers.filter((server) => !goesByAddress(server));
    this.#table.replace(probed.map(({ row, service }) => ({ key: rowKey(row), value: service })));
    this.#attach(new Set(probed.map((server) => server.interface).filter(Boolean)), taken);
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
    if (goesByAddress(server)) return "address";
    if (isMapped(server.address) !== isMapped(server.service)) {
      return { problem: "the service's address and the server's are not of one family" };
    }
    const problem = this.#devices.get(server.interface)?.problem;
    return problem === undefined ? { mark: PROBE.MARK + row } : { problem };
  }
}
