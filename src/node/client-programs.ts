import { existsSync, mkdirSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { ATTACH_TYPE } from "#io/bpf/abi.ts";
import { BPFFS, mountBpffs, pinsFolder } from "#io/bpf/bpffs.ts";
import { dropCgroupLink, isAtCgroup, setCgroupLink } from "#io/bpf/cgroup.ts";
import { compiledAt } from "#io/bpf/compiled.ts";
import { attachHook, detachHooks, type HookPlace } from "#io/bpf/hook.ts";
import { type LoadedObject, loadBpfObject } from "#io/bpf/loader.ts";
import { BpfMap } from "#io/bpf/map.ts";
import type { Netlink } from "#io/netlink.ts";
import { CLIENT_COUNTER } from "#plan/node-client-layout.ts";
import { peerKey, sumOfRow } from "./programs.ts";
import type { ClientState } from "./state.ts";

/*
 * Programs of a real server that learn from directors who clients are, and tell who asks.
 *
 *   /sys/fs/bpf/PINS/client/tcx, clsact   where packets come in (io/bpf/hook.ts)
 *   /sys/fs/bpf/PINS/client/peer4, peer6  where processes ask
 *   /sys/fs/bpf/PINS/client/clients, client_counters
 */

const object = compiledAt(new URL("./bpf/client.bpf.o", import.meta.url));
export const READ_CLIENT = "weir_read_client";
/** Maps that outlive the programs they were made with. */
const KEPT = ["clients", "client_counters"] as const;

/** What tells processes, by the family of their sockets. */
const PEERS = {
  peer4: { program: "weir_peer4", type: ATTACH_TYPE.INET4_GETPEERNAME },
  peer6: { program: "weir_peer6", type: ATTACH_TYPE.INET6_GETPEERNAME },
} as const;

const folderOf = (pins: string): string => join(pinsFolder(pins), "client");

/** Of whom to believe what for which ports; no ports: for every one. */
export type ClientSettings = Pick<ClientState, "from" | "ports">;

/** Loads the programs, their tables filled. The caller closes. Throws a SystemError. */
export function loadClientPrograms(
  { from, ports }: ClientSettings,
  maps: Readonly<Record<string, BpfMap>> = {},
): LoadedObject {
  const rodata = { ports_only: ports.length > 0 ? 1 : 0 };
  const loaded = loadBpfObject(object(), { rodata, maps });
  try {
    for (const network of from) {
      loaded.maps["directors"]!.update(peerKey(network), Uint8Array.of(1, 0, 0, 0));
    }
    for (const port of ports) {
      loaded.maps["ports"]!.update(Uint8Array.of(port >> 8, port), Uint8Array.of(1, 0, 0, 0));
    }
    return loaded;
  } catch (error) {
    loaded.close();
    throw error;
  }
}

/**
 * Makes the programs run, instead of those that did before; they go on when this process ends. Who
 * is known stays known. Throws a SystemError or a ProgramError.
 */
export function attachClientPrograms(netlink: Netlink, pins: string, client: ClientState): void {
  mountBpffs(BPFFS);
  const folder = folderOf(pins);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const names = KEPT.filter((name) => existsSync(join(folder, name)));
  const kept = Object.fromEntries(names.map((name) => [name, BpfMap.open(join(folder, name))]));
  try {
    const { maps, programs, close } = loadClientPrograms(client, kept);
    try {
      for (const name of KEPT) if (!kept[name]) maps[name]!.pin(join(folder, name));
      for (const [pin, { program, type }] of Object.entries(PEERS)) {
        setCgroupLink(programs[program]!, client.cgroup, type, join(folder, pin));
      }
      for (const place of clientPlaces(pins, client)) {
        attachHook(netlink, programs[READ_CLIENT]!, place, READ_CLIENT);
      }
    } finally {
      close();
    }
  } finally {
    for (const map of Object.values(kept)) map.close();
  }
}

/** Where packets are looked at. */
export const clientPlaces = (pins: string, { devices }: ClientState): HookPlace[] =>
  devices.map((device) => ({
    folder: folderOf(pins),
    device,
    direction: "ingress",
    first: true,
  }));

/** Whether processes of the cgroup are told, of sockets of either family. */
export const tellsPeers = (pins: string, { cgroup }: ClientState): boolean =>
  Object.keys(PEERS).every((pin) => isAtCgroup(join(folderOf(pins), pin), cgroup));

/** Takes them out of the kernel, whoever put them there; where packets were looked at. */
export function detachClientPrograms(netlink: Netlink, pins: string): HookPlace[] {
  const folder = folderOf(pins);
  if (!existsSync(folder)) return [];
  const places = detachHooks(netlink, folder, true);
  for (const pin of Object.keys(PEERS)) dropCgroupLink(join(folder, pin));
  for (const name of readdirSync(folder)) unlinkSync(join(folder, name));
  rmdirSync(folder);
  return places;
}

/** Since the first join. */
export interface ClientCounts {
  /** Packets from directors that begin a connection. */
  readonly begun: number;
  /** Connections of which the client became known. */
  readonly told: number;
  /** Times that a process got a client's address. */
  readonly said: number;
  /** Times that it could not: a client of IPv6, a socket of IPv4. */
  readonly unfit: number;
}

/** Undefined when no program of ours is in the kernel. */
export function readClientCounts(pins: string): ClientCounts | undefined {
  const path = join(folderOf(pins), "client_counters");
  if (!existsSync(path)) return undefined;
  const map = BpfMap.open(path);
  try {
    return clientCountsOf(map);
  } finally {
    map.close();
  }
}

export const clientCountsOf = (map: BpfMap): ClientCounts => ({
  begun: sumOfRow(map, CLIENT_COUNTER.BEGUN),
  told: sumOfRow(map, CLIENT_COUNTER.TOLD),
  said: sumOfRow(map, CLIENT_COUNTER.SAID),
  unfit: sumOfRow(map, CLIENT_COUNTER.UNFIT),
});
