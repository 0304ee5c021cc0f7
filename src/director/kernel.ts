import { existsSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { pinsFolder } from "#io/bpf/bpffs.ts";
import { compiledAt } from "#io/bpf/compiled.ts";
import { possibleCpus } from "#io/bpf/cpus.ts";
import { hookedDevices } from "#io/bpf/hook.ts";
import { type LoadedObject, loadBpfObject } from "#io/bpf/loader.ts";
import { BpfMap } from "#io/bpf/map.ts";
import { detachXdpHook, xdpDevices } from "#io/bpf/xdp-hook.ts";
import { Netlink } from "#io/netlink.ts";
import { detach, detachExit, exitDevices } from "./attach.ts";
import { closeWay, explainFolder, makeFolder, mountNames, removeFolder } from "./folder.ts";
import { loopOptions, loops } from "./loops.ts";

/** What runs where packets come in; where this machine's own leave; for answers to its checks. */
const PROGRAMS = ["weir_director", "weir_exit", "weir_probe_answer"] as const;
export type ProgramName = (typeof PROGRAMS)[number];
/** What runs in front of it, where XDP is wanted. */
const XDP_PROGRAM = "weir_xdp";

/** Entries of tables, by what they hold. */
export interface KernelSizes {
  readonly services: number;
  readonly backends: number;
  /** Servers of services, each once for every service. */
  readonly destinations: number;
  readonly connections: number;
  /** Flows of replies that are kept besides. */
  readonly replies: number;
  /** Of connections, those that may have begun with a cookie. */
  readonly proxied: number;
}

/** Holds the programs' variables, one value. */
const VARIABLES = ".bss";

/** The director's maps, by the names they have in src/director/bpf/maps.h. */
export const MAPS = [
  ...[VARIABLES, "lookups", "ranges", "services", "service_states", "destinations"],
  ...["routes", "loads", "statistics", "counters", "allowances", "scratches", "locals"],
  ...["servers", "connections", "proxied", "replies", "templates", "sources", "localities"],
  ...[
    "fragments",
    "cuttings",
    "pools",
    "probe_ways",
    "probe_ends",
    "spares",
    "calls",
    "ports",
    "hops",
    "hastened",
  ],
  ...[".bss.ports", ".bss.tracing", ".bss.secret", "events"],
] as const;
export type MapName = (typeof MAPS)[number];

/** Ports of services: so many at most, each range as the powers of two it is made of. */
const LOOKUPS = 65_536;
const FRAGMENTS = 16_384;
/** Addresses whose servers lblc and lblcr remember, of all services. */
const LOCALITIES = 65_536;
const LOCALS = 256;
/** Flows of checks that go the way of packets; a check is over in seconds. */
const PROBE_ENDS = 16_384;

const sizesOf = (sizes: KernelSizes): Readonly<Record<string, number>> => ({
  lookups: LOOKUPS,
  ranges: LOOKUPS,
  services: sizes.services,
  service_states: sizes.services,
  destinations: sizes.destinations,
  routes: sizes.destinations,
  loads: sizes.destinations,
  statistics: sizes.destinations * possibleCpus(),
  locals: LOCALS,
  servers: 2 * sizes.destinations,
  connections: sizes.connections,
  proxied: sizes.proxied,
  replies: sizes.replies,
  templates: Math.max(1024, sizes.connections >> 2),
  sources: Math.max(1024, sizes.connections >> 2),
  localities: LOCALITIES,
  fragments: FRAGMENTS,
  pools: sizes.backends,
  probe_ways: sizes.destinations,
  probe_ends: PROBE_ENDS,
  hops: sizes.destinations,
});

/** The director's programs as they were compiled. */
export const object = compiledAt(new URL("./bpf/director.bpf.o", import.meta.url));

/**
 * The director in the kernel: its maps and its program, which stay under names in the file system
 * for BPF objects when this process ends.
 *
 *   /sys/fs/bpf/PINS/maps/NAME    tables
 *   /sys/fs/bpf/PINS/tcx, clsact  what makes it run, by interface (attach.ts)
 *   /sys/fs/bpf/PINS/xdp          the same of XDP (xdp.ts)
 */
export class Kernel {
  readonly maps: Readonly<Record<MapName, BpfMap>>;
  /** Their descriptors. */
  readonly programs: Readonly<Record<ProgramName, number>>;
  readonly folder: string;
  /** The tables were there: somebody before us has filled them. */
  readonly adopted: boolean;
  /** Entries that the configuration wants of tables; those that were there keep what they have. */
  readonly wanted: Readonly<Record<string, number>>;
  /** Where `struct config` is. */
  get configuration(): BpfMap {
    return this.maps[VARIABLES];
  }

  readonly #loaded: LoadedObject;
  readonly #own: readonly BpfMap[];
  #xdp: LoadedObject | undefined;

  private constructor(folder: string, sizes: KernelSizes) {
    this.folder = folder;
    const kept = openMaps(folder);
    this.adopted = kept.length > 0;
    this.wanted = sizesOf(sizes);
    this.#own = kept.map(([, map]) => map);
    // Tables keep the sizes they were made with; variables have none to choose.
    const tables = kept.filter(([name]) => !name.startsWith(VARIABLES));
    const made = Object.fromEntries(tables.map(([name, map]) => [name, map.maxEntries]));
    const { destinations = sizes.destinations, locals = LOCALS } = made;
    const looped = loopOptions(loops(), { destinations, locals });
    try {
      this.#loaded = loadBpfObject(object(), {
        maps: Object.fromEntries(kept),
        ...{ sizes: { ...this.wanted, ...made, ...looped.sizes }, rodata: looped.rodata },
        programs: PROGRAMS,
      });
    } catch (cause) {
      for (const map of this.#own) map.close();
      throw explain(cause as Error, this.adopted);
    }
    this.maps = this.#loaded.maps as Record<MapName, BpfMap>;
    this.programs = this.#loaded.programs as Record<ProgramName, number>;
  }

  /** Takes what is there under these names, or makes it. Throws a SystemError or ProgramError. */
  static open(pins: string, sizes: KernelSizes): Kernel {
    mountNames(pins);
    const kernel = new Kernel(pinsFolder(pins), sizes);
    try {
      kernel.#pin();
    } catch (error) {
      kernel.close();
      throw error;
    }
    return kernel;
  }

  /** Descriptor of the program for XDP, on the same maps. Throws a SystemError or ProgramError. */
  loadXdp(): number {
    const { maps } = this.#loaded;
    // Variables have no size to choose.
    const tables = Object.entries(maps).filter(([name]) => !name.startsWith("."));
    const sizes = Object.fromEntries(tables.map(([name, { maxEntries }]) => [name, maxEntries]));
    this.#xdp ??= loadBpfObject(object(), { maps, sizes, programs: [XDP_PROGRAM] });
    return this.#xdp.programs[XDP_PROGRAM]!;
  }

  /** Closes our descriptors; packets go on. */
  close(): void {
    this.#xdp?.close();
    this.#loaded.close();
    for (const map of this.#own) map.close();
  }

  #pin(): void {
    makeFolder(this.folder);
    for (const name of MAPS) {
      const path = join(this.folder, "maps", pinName(name));
      if (!existsSync(path)) this.maps[name].pin(path);
    }
  }
}

/** What a user can do about it, where tables of another version are in the way. */
function explain(cause: Error, adopted: boolean): Error {
  if (!adopted || !/^map \S+ has /.test(cause.message)) return cause;
  const advice = "`weir director flush` removes them, with the connections in them";
  return new Error(`tables of another version of weir are in the kernel: ${advice}`, { cause });
}

/** Names in the file system for BPF objects have no dots. */
const pinName = (map: MapName): string => map.replaceAll(".", "");

/** The maps that are pinned under that name, for the caller to close. Throws a SystemError. */
export const openPinnedMaps = (pins: string): [MapName, BpfMap][] => openMaps(pinsFolder(pins));

function openMaps(folder: string): [MapName, BpfMap][] {
  const maps = join(folder, "maps");
  if (!existsSync(maps)) return [];
  const open: [MapName, BpfMap][] = [];
  try {
    const there = new Set(readdirSync(maps));
    for (const name of MAPS) {
      if (there.has(pinName(name))) open.push([name, BpfMap.open(join(maps, pinName(name)))]);
    }
  } catch (error) {
    for (const [, map] of open) map.close();
    throw explainFolder(error as Error, folder);
  }
  return open;
}

/**
 * Takes everything of a director out of the kernel, whoever made it: first what makes the program
 * run, so that no packet is directed by half of the tables. False when there was nothing.
 */
export function flushKernel(pins: string): boolean {
  const folder = pinsFolder(pins);
  if (!existsSync(folder)) return false;
  for (const device of xdpDevices(folder)) detachXdpHook(folder, device);
  const netlink = new Netlink();
  try {
    for (const device of hookedDevices(folder, "ingress")) detach(folder, netlink, device);
    for (const device of exitDevices(folder)) detachExit(folder, netlink, device);
  } finally {
    netlink.close();
  }
  closeWay(folder);
  const parts = readdirSync(folder);
  for (const part of parts) {
    const path = join(folder, part);
    for (const name of readdirSync(path)) unlinkSync(join(path, name));
    rmdirSync(path);
  }
  return removeFolder(folder) || parts.length > 0;
}
