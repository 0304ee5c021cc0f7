import { formatIp, parseIp } from "#base/ip.ts";
import { bpfRefusal, kernelVersion, supportsTcx } from "#io/bpf/features.ts";
import { findHook, type Hook, type HookPlace } from "#io/bpf/hook.ts";
import { Netdev, type XdpFeatures } from "#io/netdev.ts";
import { Netlink } from "#io/netlink.ts";
import { describeMerging, type Merging } from "#io/offloads.ts";
import {
  type ClientCounts,
  clientPlaces,
  readClientCounts,
  tellsPeers,
} from "./client-programs.ts";
import { type DirectorFacts, directorFacts, type Wanted } from "./director-facts.ts";
import { listensOn } from "./listeners.ts";
import { lookAround, type Overview, routeTo } from "./overview.ts";
import { tunnelPlaces } from "./programs.ts";
import {
  type ClientState,
  type NodeState,
  readState,
  type TunnelState,
  type VipState,
} from "./state.ts";
import { readSysctl } from "./sysctl.ts";

/** What an operator says besides what is known. */
export interface Questions {
  readonly statePath: string;
  /** Addresses this machine is to have, also when it was prepared by hand. */
  readonly vips: readonly string[];
  /** Clients that answers must find; none: any. */
  readonly clients: readonly string[];
  /** Where something should listen, on every address. */
  readonly ports: readonly number[];
  /** Folder of the director in /sys/fs/bpf. */
  readonly directorPins: string;
  /** A configuration of the director. */
  readonly plan: Wanted | undefined;
}

/** How an address leaves. */
export interface Way {
  /** The interface's name. */
  readonly device: string;
  readonly local: boolean;
}

/** The machine as checks see it: no check asks the kernel itself. */
export interface Facts extends Overview {
  readonly kernel: readonly [major: number, minor: number];
  /** Why BPF programs cannot be loaded. */
  readonly bpfRefusal: string | undefined;
  readonly hasTcx: boolean;
  sysctl(name: string): number | undefined;
  way(address: string): Way | undefined;
  merging(device: string): Merging | undefined;
  /** What the driver can do; undefined where the kernel does not tell. */
  xdp(index: number): XdpFeatures | undefined;
  /** Undefined: this machine is no real server. */
  readonly node: NodeFacts | undefined;
  /** Undefined: it is no director. */
  readonly director: DirectorFacts | undefined;
}

export interface NodeFacts {
  readonly vips: readonly Pick<VipState, "address" | "tunnel">[];
  readonly tunnel: TunnelState | undefined;
  readonly programs: readonly (HookPlace & { readonly hook: Hook | undefined })[];
  /** Undefined: it is told nothing of clients. */
  readonly told: ToldFacts | undefined;
  readonly clients: readonly string[];
  readonly ports: readonly number[];
  listens(address: string, port: number): boolean;
}

/** A machine that directors tell who clients are. */
export interface ToldFacts extends ClientState {
  readonly programs: readonly { readonly device: string; readonly hook: Hook | undefined }[];
  /** Processes of the cgroup are told. */
  readonly tells: boolean;
  readonly counts: ClientCounts | undefined;
}

/** Hands the facts to `use`; what they ask the kernel with is closed afterwards. */
export function withFacts<T>(questions: Questions, use: (facts: Facts) => T): T {
  const netlink = new Netlink();
  try {
    return use(gather(netlink, questions));
  } finally {
    netlink.close();
  }
}

function gather(netlink: Netlink, questions: Questions): Facts {
  const overview = lookAround(netlink);
  const nameOf = (index: number): string =>
    overview.interfaces.find((one) => one.index === index)?.name ?? "?";
  const loopback = overview.interfaces.find(({ isLoopback }) => isLoopback);
  return {
    ...overview,
    kernel: kernelVersion(),
    bpfRefusal: bpfRefusal(),
    hasTcx: loopback !== undefined && supportsTcx(loopback.index),
    sysctl: readSysctl,
    way: (address) => {
      const route = routeTo(netlink, parseIp(address)!);
      return route && { device: nameOf(route.interface), local: route.local };
    },
    merging: (device) => {
      try {
        return describeMerging(device);
      } catch {
        return undefined;
      }
    },
    xdp: askXdp,
    node: nodeFacts(readState(questions.statePath), questions),
    director: directorFacts(questions.directorPins, questions.plan),
  };
}

function askXdp(index: number): XdpFeatures | undefined {
  const netdev = new Netdev();
  try {
    return netdev.xdpFeatures(index);
  } catch {
    return undefined;
  } finally {
    netdev.close();
  }
}

function nodeFacts(state: NodeState | undefined, questions: Questions): NodeFacts | undefined {
  const { clients, ports } = questions;
  const known = state?.vips ?? [];
  const more = questions.vips
    .map((text) => formatIp(parseIp(text)!))
    .filter((address) => !known.some((vip) => vip.address === address));
  const vips = [...known, ...more.map((address) => ({ address, tunnel: false }))];
  if (vips.length === 0 && !state?.client) return undefined;
  const tunnel = state?.tunnel;
  const programs = (tunnel ? tunnelPlaces(state.pins, tunnel) : []).map((place) => ({
    ...place,
    hook: findHook(place),
  }));
  const told = state?.client && toldFacts(state.pins, state.client);
  return { vips, tunnel, programs, told, clients, ports, listens: listensOn };
}

function toldFacts(pins: string, client: ClientState): ToldFacts {
  const programs = clientPlaces(pins, client).map((place) => ({
    device: place.device,
    hook: findHook(place),
  }));
  return { ...client, programs, tells: tellsPeers(pins, client), counts: readClientCounts(pins) };
}
