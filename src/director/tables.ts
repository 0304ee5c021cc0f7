import { MAP_TYPE } from "#io/bpf/abi.ts";
import type { BpfMap } from "#io/bpf/map.ts";
import { type Kernel, MAPS, type MapName, openPinnedMaps } from "./kernel.ts";

/** A table of the director in the kernel. */
export interface TableStatus {
  readonly name: string;
  /** As the kernel's headers call it, in lower case: `lru_hash`. */
  readonly kind: string;
  /** Rows in use: of an array, those that are not all zeros; null where there are no rows. */
  readonly used: number | null;
  /** Rows there may be; bytes of a ring. */
  readonly size: number;
  /** What the configuration wants, where that is something else. */
  readonly wanted?: number;
  /** Of a key and its value; a value for each processor where it has so many. */
  readonly rowBytes: number;
  /** As the kernel accounts for it. */
  readonly memoryBytes: number;
  readonly purpose: string;
}

const PURPOSES: Readonly<Record<MapName, string>> = {
  ".bss": "settings",
  lookups: "address and port, or mark: which service",
  ranges: "the same for ranges of ports",
  services: "services",
  service_states: "turns and connections of services",
  destinations: "servers, once for each service",
  routes: "next hops of servers",
  loads: "active and inactive connections of servers",
  statistics: "packets and bytes of servers, by processor",
  counters: "what happened to packets besides",
  allowances: "new flows in this second",
  scratches: "the packet at hand",
  locals: "addresses of ours, for fullnat",
  ".bss.secret": "what SYN cookies are made with",
  servers: "whose packets are replies",
  connections: "connections",
  proxied: "numbers of connections that began with a cookie",
  replies: "flows of replies, where they need a row",
  sources: "connections of clients, where a service limits them",
  localities: "lblc, lblcr: destinations and their servers",
  templates: "persistence: clients and their servers",
  fragments: "ports of packets in pieces",
  cuttings: "packets while they are cut up, by processor",
  pools: "a table of numbers for each backend; those are besides",
  probe_ways: "checks that go the way of packets: what they look for",
  probe_ends: "flows of their answers",
  ".bss.ports": "ports that replies come from",
  ".bss.tracing": "which packets are told of",
  events: "what is told of packets: a ring",
  spares: "a part of a packet that is rewritten",
  ports: "interfaces whose frames XDP takes",
  hops: "hardware addresses of next hops, for XDP",
  hastened: "packets that XDP has sent on",
  calls: "the datagram in which a Call-ID is looked for",
};

const KINDS = new Map(
  Object.entries(MAP_TYPE).map(([name, type]) => [type as number, name.toLowerCase()]),
);
const ARRAYS: ReadonlySet<number> = new Set([
  MAP_TYPE.ARRAY,
  MAP_TYPE.PERCPU_ARRAY,
  MAP_TYPE.ARRAY_OF_MAPS,
]);

/** The tables of a director that is open, in the order of MAPS. All of them are read once. */
export const tablesOf = ({ maps, wanted }: Pick<Kernel, "maps" | "wanted">): TableStatus[] =>
  MAPS.map((name) => {
    const status = tableStatus(name, maps[name]);
    const size = wanted[name] ?? status.size;
    return size === status.size ? status : { ...status, wanted: size };
  });

/** Those that are under this name in the kernel; none when nothing is. Throws a SystemError. */
export function pinnedTables(pins: string): TableStatus[] {
  const open = openPinnedMaps(pins);
  try {
    return open.map(([name, map]) => tableStatus(name, map));
  } finally {
    for (const [, map] of open) map.close();
  }
}

const tableStatus = (name: MapName, map: BpfMap): TableStatus => ({
  name,
  kind: KINDS.get(map.type) ?? String(map.type),
  used: map.type === MAP_TYPE.RINGBUF ? null : rowsInUse(map),
  size: map.maxEntries,
  rowBytes: map.keyBytes + map.slotBytes,
  memoryBytes: map.memoryBytes(),
  purpose: PURPOSES[name],
});

function rowsInUse(map: BpfMap): number {
  const isArray = ARRAYS.has(map.type);
  let used = 0;
  for (const { values, count } of map.batches()) {
    for (let i = 0; i < count; i++) {
      if (!isArray || isFilled(values, i * map.slotBytes, (i + 1) * map.slotBytes)) used++;
    }
  }
  return used;
}

function isFilled(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] !== 0) return true;
  return false;
}
