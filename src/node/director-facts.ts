import { existsSync } from "node:fs";
import { join } from "node:path";
import { formatIp } from "#base/ip.ts";
import { pinsFolder } from "#io/bpf/bpffs.ts";
import { hookedAt, hookedDevices } from "#io/bpf/hook.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { xdpDevices, xdpHookedAt } from "#io/bpf/xdp-hook.ts";
import { RANGE_KEY, SERVICE, SERVICE_KEY } from "#plan/director-layout.ts";
import { SERVICE_FLAG } from "#plan/director-numbers.ts";
import { METHODS } from "#plan/methods.ts";
import type { DirectorPlan, ForwardingMethod, ServicePlan } from "#plan/plan.ts";
import { translatedServers } from "./director-servers.ts";

/** A director on this machine: as a configuration wants it, and as it is in the kernel. */
export interface DirectorFacts {
  /** Where it should take packets. */
  readonly interfaces: readonly DirectorInterface[];
  readonly services: readonly DirectorService[];
  /** Addresses of servers of services with nat and fullnat, as tables in the kernel have them. */
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
  readonly method: ForwardingMethod;
  /** Packets without a server go on to where they wanted to. */
  readonly bypasses: boolean;
}

type Wanted = {
  readonly director: DirectorPlan | undefined;
  readonly services: readonly ServicePlan[];
};

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
  const services = wanted?.director ? plannedServices(wanted.services) : pinnedServices(folder);
  const wantsXdp = wanted?.director?.xdp ?? xdpDevices(folder).length > 0;
  const connections = connectionTable(folder, wanted?.director?.connections);
  const translated = translatedServers(folder);
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

const plannedServices = (services: readonly ServicePlan[]): DirectorService[] =>
  services.flatMap(({ binds, method, onNoServer }) => {
    const bypasses = method === "bypass" || onNoServer === "bypass";
    const hosts = [...new Set(binds.map(({ host }) => host))];
    return (hosts.length > 0 ? hosts : [undefined]).map((address) => ({
      address,
      method,
      bypasses,
    }));
  });

const METHOD_NAMES = new Map(
  Object.entries(METHODS).map(([name, number]) => [number, name as ForwardingMethod]),
);

/** What the tables in the kernel hold: addresses that packets are looked up by. */
function pinnedServices(folder: string): DirectorService[] {
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
      const method = row && METHOD_NAMES.get(row[SERVICE.METHOD]!);
      if (!method) continue;
      const bypasses = method === "bypass" || (row[SERVICE.FLAGS]! & SERVICE_FLAG.BYPASS) !== 0;
      seen.set(`${address} ${method} ${bypasses}`, { address, method, bypasses });
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
