import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatIp } from "#base/ip.ts";
import { pinsFolder } from "#io/bpf/bpffs.ts";
import { hookedAt, hookedDevices } from "#io/bpf/hook.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { xdpDevices, xdpHookedAt } from "#io/bpf/xdp-hook.ts";
import { RANGE_KEY, SERVICE, SERVICE_KEY } from "#plan/director-layout.ts";
import { SERVICE_FLAG } from "#plan/director-numbers.ts";
import { methodsOf } from "#plan/forwarding.ts";
import type { ForwardingMethod, Plan } from "#plan/plan.ts";
import { type PinnedServers, pinnedServers } from "./director-servers.ts";

/** A director on this machine: as a configuration wants it, and as it is in the kernel. */
export interface DirectorFacts {
  /** Where it should take packets. */
  readonly interfaces: readonly DirectorInterface[];
  readonly services: readonly DirectorService[];
  /** Addresses of servers behind nat and fullnat, as tables in the kernel have them. */
  readonly translated: readonly string[];
  /** Packets of known flows should be taken by XDP. */
  readonly wantsXdp: boolean;
  /** Undefined: it is not in the kernel. */
  readonly connections: ConnectionTableFacts | undefined;
}

export interface ConnectionTableFacts {
  readonly count: number;
  readonly size: number;
  /** What the configuration says, where there is one. */
  readonly wanted: number | undefined;
}

export interface DirectorInterface {
  readonly device: string;
  /** Index of the interface the program is at; 0: of one that is gone; undefined: of none. */
  readonly attached: number | "filter" | undefined;
  /** The same of the program for XDP. */
  readonly xdpAt?: number | undefined;
}

export interface DirectorService {
  /** Undefined: it goes by firewall mark. */
  readonly address: string | undefined;
  /** How packets get to its servers, each once. */
  readonly methods: readonly ForwardingMethod[];
  /** Packets without a server go on to where they wanted to. */
  readonly bypasses: boolean;
}

/** Of a configuration what is looked at. */
export type Wanted = Pick<Plan, "director" | "services" | "backends">;

/** Undefined when there is none, neither wanted nor in the kernel. */
export function directorFacts(pins: string, wanted: Wanted | undefined): DirectorFacts | undefined {
  const folder = pinsFolder(wanted?.director?.pins ?? pins);
  if (!wanted?.director && !existsSync(join(folder, "maps"))) return undefined;
  const names = new Set([
    ...(wanted?.director?.interfaces ?? []),
    ...hookedDevices(folder, "ingress"),
  ]);
  const interfaces = [...names].map((device) => ({
    device,
    attached: hookedAt({ folder, device, direction: "ingress" }),
    xdpAt: xdpHookedAt(folder, device),
  }));
  const servers = pinnedServers(folder);
  const services = wanted?.director ? plannedServices(wanted) : pinnedServices(folder, servers);
  const wantsXdp = wanted?.director?.xdp ?? xdpDevices(folder).length > 0;
  const connections = connectionTable(folder, wanted?.director?.connections);
  const translated = [...servers.translated];
  return { interfaces, services, translated, wantsXdp, connections };
}

function connectionTable(
  folder: string,
  wanted: number | undefined,
): ConnectionTableFacts | undefined {
  const path = join(folder, "maps", "connections");
  if (!existsSync(path)) return undefined;
  const map = BpfMap.open(path);
  try {
    let count = 0;
    for (const batch of map.batches()) count += batch.count;
    return { count, size: map.maxEntries, wanted };
  } finally {
    map.close();
  }
}

const plannedServices = ({ services, backends }: Wanted): DirectorService[] =>
  services.flatMap((service) => {
    const methods = [...methodsOf(service, backends)];
    const bypasses = methods.includes("bypass") || service.onNoServer === "bypass";
    const hosts = [...new Set(service.binds.map(({ host }) => host))];
    return (hosts.length > 0 ? hosts : [undefined]).map((address) => ({
      ...{ address, methods, bypasses },
    }));
  });

/** What the tables in the kernel hold: addresses that packets are looked up by. */
function pinnedServices(folder: string, servers: PinnedServers): DirectorService[] {
  const open = (name: string): BpfMap => BpfMap.open(join(folder, "maps", name));
  const services = open("services");
  try {
    const byMark = ({ key }: Entry): string | undefined =>
      new DataView(key.buffer, key.byteOffset).getUint32(SERVICE_KEY.MARK, true) === 0
        ? formatIp(key, SERVICE_KEY.ADDRESS)
        : undefined;
    const found = [
      ...entriesOf(open("lookups")).map((one) => ({ address: byMark(one), slot: one.value })),
      ...entriesOf(open("ranges")).map((one) => ({
        address: formatIp(one.key, RANGE_KEY.ADDRESS),
        slot: one.value,
      })),
    ];
    const seen = new Map<string, DirectorService>();
    for (const { address, slot } of found) {
      const row = services.lookup(slot);
      if (!row) continue;
      const number = new DataView(slot.buffer, slot.byteOffset).getUint32(0, true);
      const methods = [...(servers.methods.get(number) ?? [])];
      const mayBypass = (row[SERVICE.FLAGS]! & SERVICE_FLAG.BYPASS) !== 0;
      const bypasses = mayBypass || methods.includes("bypass");
      seen.set(`${address} ${slot.join()}`, { address, methods, bypasses });
    }
    return [...seen.values()];
  } finally {
    services.close();
  }
}

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Reads a map whole, and closes it. */
function entriesOf(map: BpfMap): Entry[] {
  try {
    return [...map.keys()].flatMap((key) => {
      const value = map.lookup(key);
      return value ? [{ key, value }] : [];
    });
  } finally {
    map.close();
  }
}
