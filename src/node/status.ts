import { findHook, type Hook } from "#io/bpf/hook.ts";
import { Netlink } from "#io/netlink.ts";
import {
  type ClientCounts,
  clientPlaces,
  readClientCounts,
  tellsPeers,
} from "./client-programs.ts";
import { holdersOf, lookAround } from "./overview.ts";
import { type NodeCounts, readCounts, tunnelPlaces } from "./programs.ts";
import { type NodeState, readState } from "./state.ts";

/** How this machine is as a real server. */
export interface NodeStatus {
  readonly joined: boolean;
  readonly vips: readonly {
    readonly address: string;
    readonly method: "dr" | "tun";
    /** Interfaces that have it now. */
    readonly on: readonly string[];
  }[];
  readonly tunnel:
    | (Pick<
        NonNullable<NodeState["tunnel"]>,
        "forms" | "port" | "from" | "own" | "mss4" | "mss6"
      > & {
        readonly programs: readonly {
          readonly device: string;
          readonly direction: "ingress" | "egress";
          /** Null: it is not there. */
          readonly hook: Hook | null;
        }[];
        readonly counts: NodeCounts | null;
      })
    | null;
  /** Null: it is told nothing of clients. */
  readonly client:
    | (NonNullable<NodeState["client"]> & {
        readonly programs: readonly {
          readonly device: string;
          /** Null: it is not there. */
          readonly hook: Hook | null;
        }[];
        /** Processes of the cgroup are told. */
        readonly tells: boolean;
        readonly counts: ClientCounts | null;
      })
    | null;
}

/** Throws a SystemError, a WeirError for a damaged state. */
export function nodeStatus(path: string): NodeStatus {
  const state = readState(path);
  if (!state) return { joined: false, vips: [], tunnel: null, client: null };
  const netlink = new Netlink();
  try {
    const overview = lookAround(netlink);
    const vips = state.vips.map(({ address, tunnel }) => ({
      address,
      method: tunnel ? ("tun" as const) : ("dr" as const),
      on: holdersOf(overview, address),
    }));
    return { joined: true, vips, tunnel: tunnelStatus(state), client: clientStatus(state) };
  } finally {
    netlink.close();
  }
}

function tunnelStatus({ tunnel, pins }: NodeState): NodeStatus["tunnel"] {
  if (!tunnel) return null;
  const { forms, port, from, own, mss4, mss6 } = tunnel;
  const programs = tunnelPlaces(pins, tunnel).map((place) => {
    const { device, direction } = place;
    return { device, direction, hook: findHook(place) ?? null };
  });
  return { forms, port, from, own, mss4, mss6, programs, counts: readCounts(pins) ?? null };
}

function clientStatus({ client, pins }: NodeState): NodeStatus["client"] {
  if (!client) return null;
  const programs = clientPlaces(pins, client).map((place) => ({
    device: place.device,
    hook: findHook(place) ?? null,
  }));
  const counts = readClientCounts(pins) ?? null;
  return { ...client, programs, tells: tellsPeers(pins, client), counts };
}
