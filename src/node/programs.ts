import { existsSync, mkdirSync, rmdirSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { assert } from "#base/assert.ts";
import { viewOf } from "#base/bytes.ts";
import { isMapped, parseIp, parseNetwork } from "#base/ip.ts";
import { BPFFS, mountBpffs, pinsFolder } from "#io/bpf/bpffs.ts";
import { compiledAt } from "#io/bpf/compiled.ts";
import { possibleCpus } from "#io/bpf/cpus.ts";
import { attachHook, detachHooks, type HookPlace } from "#io/bpf/hook.ts";
import { type LoadedObject, loadBpfObject } from "#io/bpf/loader.ts";
import { BpfMap } from "#io/bpf/map.ts";
import type { Netlink } from "#io/netlink.ts";
import { NODE_COUNTER, PEER_KEY, VIP } from "#plan/node-layout.ts";
import { formBits } from "./forms.ts";
import type { TunnelState } from "./state.ts";

const object = compiledAt(new URL("./bpf/node.bpf.o", import.meta.url));
export const DECAPSULATE = "weir_decapsulate";
export const CLAMP = "weir_clamp";
const COUNTERS = "counters";

/** What the programs are to know. `vips` are those that tunnels bring packets for. */
export interface ProgramSettings extends Pick<TunnelState, "forms" | "port" | "from" | "own"> {
  readonly vips: readonly string[];
  readonly mss4: number;
  readonly mss6: number;
}

function addressBytes(text: string): Uint8Array {
  const bytes = parseIp(text);
  assert(bytes !== undefined, `an address: ${text}`);
  return bytes;
}

/** Key of `peers` and the like for a network's text. */
export function peerKey(text: string): Uint8Array {
  const network = parseNetwork(text);
  assert(typeof network !== "string", `a network: ${text}`);
  const key = new Uint8Array(PEER_KEY.BYTES);
  new DataView(key.buffer).setUint32(PEER_KEY.BITS, network.prefix, true);
  key.set(network.bytes, PEER_KEY.ADDRESS);
  return key;
}

/** Loads both programs, their tables filled. The caller closes. Throws a SystemError. */
export function loadPrograms(settings: ProgramSettings, counters?: BpfMap): LoadedObject {
  const { forms, port, from, own, vips } = settings;
  const loaded = loadBpfObject(object(), {
    rodata: {
      accepted: formBits(forms),
      gue_port: ((port & 255) << 8) | (port >> 8),
      peers_only: from.length > 0 ? 1 : 0,
    },
    ...(counters && { maps: { node_counters: counters } }),
  });
  try {
    for (const network of from) {
      loaded.maps["peers"]!.update(peerKey(network), Uint8Array.of(1, 0, 0, 0));
    }
    for (const address of own) {
      loaded.maps["own"]!.update(addressBytes(address), Uint8Array.of(1, 0, 0, 0));
    }
    for (const address of vips) {
      const key = addressBytes(address);
      const row = new Uint8Array(VIP.BYTES);
      const mss = isMapped(key) ? settings.mss4 : settings.mss6;
      new DataView(row.buffer).setUint32(VIP.MSS, mss, true);
      loaded.maps["vips"]!.update(key, row);
    }
    return loaded;
  } catch (error) {
    loaded.close();
    throw error;
  }
}

/**
 * Makes the programs run on the tunnel's interfaces, instead of those that did before; they go on
 * when this process ends. Counts go on, too. Throws a SystemError or a ProgramError.
 */
export function attachPrograms(
  netlink: Netlink,
  pins: string,
  tunnel: TunnelState,
  vips: readonly string[],
): void {
  mountBpffs(BPFFS);
  const folder = pinsFolder(pins);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, COUNTERS);
  const kept = existsSync(path) ? BpfMap.open(path) : undefined;
  try {
    const { maps, programs, close } = loadPrograms({ ...tunnel, vips }, kept);
    try {
      if (!kept) maps["node_counters"]!.pin(path);
      for (const place of tunnelPlaces(pins, tunnel)) {
        const name = place.direction === "ingress" ? DECAPSULATE : CLAMP;
        attachHook(netlink, programs[name]!, place, name);
      }
    } finally {
      close();
    }
  } finally {
    kept?.close();
  }
}

/** Where the programs are to be. */
export function tunnelPlaces(pins: string, tunnel: TunnelState): HookPlace[] {
  const folder = pinsFolder(pins);
  return [
    ...tunnel.devices.map((device) => ({ folder, device, direction: "ingress" as const })),
    ...tunnel.outDevices.map((device) => ({ folder, device, direction: "egress" as const })),
  ];
}

/** Takes everything of ours out of the kernel, whoever put it there; the places that were. */
export function detachPrograms(netlink: Netlink, pins: string): HookPlace[] {
  const folder = pinsFolder(pins);
  if (!existsSync(folder)) return [];
  const places = detachHooks(netlink, folder);
  if (existsSync(join(folder, COUNTERS))) unlinkSync(join(folder, COUNTERS));
  rmdirSync(folder);
  return places;
}

/** Packets, by what became of them, since the first join. */
export interface NodeCounts {
  readonly ipip: number;
  readonly gue: number;
  readonly gre: number;
  readonly congested: number;
  readonly failed: number;
  readonly clamped: number;
}

/** Undefined when no program of ours is in the kernel. */
export function readCounts(pins: string): NodeCounts | undefined {
  const path = join(pinsFolder(pins), COUNTERS);
  if (!existsSync(path)) return undefined;
  const map = BpfMap.open(path);
  try {
    return countsOf(map);
  } finally {
    map.close();
  }
}

/** A row of counters over all processors. */
export function sumOfRow(map: BpfMap, number: number): number {
  const values = map.lookup(new Uint8Array(Uint32Array.of(number).buffer))!;
  const view = viewOf(values);
  let sum = 0n;
  for (let cpu = 0; cpu < possibleCpus(); cpu++) sum += view.getBigUint64(8 * cpu, true);
  return Number(sum);
}

export function countsOf(map: BpfMap): NodeCounts {
  const row = (number: number): number => sumOfRow(map, number);
  return {
    ipip: row(NODE_COUNTER.IPIP),
    gue: row(NODE_COUNTER.GUE),
    gre: row(NODE_COUNTER.GRE),
    congested: row(NODE_COUNTER.CONGESTED),
    failed: row(NODE_COUNTER.FAILED),
    clamped: row(NODE_COUNTER.CLAMPED),
  };
}
