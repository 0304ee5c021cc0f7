import { PROTOCOL_NAMES } from "#base/protocol.ts";
import type { DirectorPlan, ServicePlan, SyncPlan, TunnelPlan } from "#plan/plan.ts";
import type { Director } from "../model/director.ts";
import type { Service } from "../model/service.ts";
import type { Sync } from "../model/sync.ts";
import type { Tunnel } from "../model/tunnel.ts";

/** UDP port of Generic UDP Encapsulation (IANA: gue). */
const GUE_PORT = 6080;

/** The machine's part of layer 4. */
export function planDirector(from: Director): DirectorPlan {
  const { newFlows, timeouts, sync, ...same } = from;
  return {
    ...same,
    newFlowsPerSecond: newFlows,
    timeouts: { tcpMs: timeouts.tcp, tcpFinMs: timeouts.tcpFin, udpMs: timeouts.udp },
    sync: sync && planSync(sync),
  };
}

function planSync({ refresh, maxBytes, ...same }: Sync): SyncPlan {
  return { ...same, refreshMs: refresh ?? 0, maxBytes: maxBytes ?? 0 };
}

/** One virtual service; `backend` is an index into Plan.backends. */
export function planService(
  name: string,
  from: Service,
  { slot, backend }: { readonly slot: number; readonly backend: number },
): ServicePlan {
  const { persistence } = from;
  return {
    name,
    slot,
    protocols: protocolsOf(from),
    binds: from.bind ?? [],
    mark: from.mark ?? 0,
    markFamily: from.mark === undefined ? 0 : markFamilyOf(from),
    method: from.method,
    backend,
    persistence: persistence && planPersistence(persistence),
    onePacket: from.onePacket,
    tunnel: from.tunnel && planTunnel(from.tunnel),
    passClient: from.passClient,
    onNoServer: from.onNoServer,
    onServerRemoved: from.onServerRemoved,
    maxConnections: from.maxConnections ?? 0,
    maxPerSource: from.maxPerSource ?? 0,
    synProxy: from.synProxy,
  };
}

function planPersistence({
  by,
  timeout,
  mask,
  mask6,
}: NonNullable<Service["persistence"]>): ServicePlan["persistence"] {
  const isByCall = by === "call-id";
  return {
    by,
    timeoutMs: timeout,
    prefix4: mask ?? (isByCall ? 0 : 32),
    prefix6: mask6 ?? (isByCall ? 0 : 128),
  };
}

/** A mark says which packets are meant, so that there the protocol need not be named. */
export const protocolsOf = ({ protocol, mark }: Service): ServicePlan["protocols"] =>
  protocol ?? (mark === undefined ? ["tcp"] : PROTOCOL_NAMES);

/** Family of the packets that a service's mark is looked for on. */
export const markFamilyOf = ({ family }: Service): 4 | 6 => (family === "ipv6" ? 6 : 4);

export const planTunnel = ({ type, port = GUE_PORT }: Tunnel): TunnelPlan => ({
  type,
  port: type === "gue" ? port : 0,
});
