import { sameBytes, viewOf } from "#base/bytes.ts";
import { isMapped, parseIp } from "#base/ip.ts";
import { PROTOCOL } from "#base/protocol.ts";
import { DESTINATION, SERVER_VALUE } from "#plan/director-layout.ts";
import {
  CONFIG_FLAG,
  DESTINATION_FLAG,
  SERVER_FLAG,
  SERVICE_FLAG,
  SYN_PROXY,
  TUNNEL,
} from "#plan/director-numbers.ts";
import {
  forwardingOf,
  METHOD_NUMBERS,
  methodNamed,
  methodsOf,
  translates,
} from "#plan/forwarding.ts";
import { PACKET_FLAG } from "#plan/packet-schedule.ts";
import type {
  BackendPlan,
  DirectorPlan,
  ForwardingMethod,
  Plan,
  ServiceBind,
  ServicePlan,
} from "#plan/plan.ts";
import { rowIdentity } from "#plan/row-identity.ts";
import type { ServerFacts } from "./facts.ts";
import { goesByMark } from "./hook-choice.ts";
import type { Pool } from "./pool.ts";
import {
  configRow,
  destinationRow,
  type LocalPorts,
  markKey,
  rangeKeys,
  serverKey,
  serverValue,
  serviceKey,
  serviceRow,
} from "./rows.ts";
import type { Entry } from "./table.ts";
import { textOf } from "./text-key.ts";
import { ticksOf } from "./ticks.ts";
import { timeoutTicks } from "./timeouts.ts";

/** Rows that a Plan wants in the director's maps; nothing here touches the kernel. */

const SYN_PROXIES = {
  off: SYN_PROXY.OFF,
  auto: SYN_PROXY.AUTO,
  always: SYN_PROXY.ALWAYS,
} as const;

const TUNNELS = { ipip: TUNNEL.IPIP, gue: TUNNEL.GUE, gre: TUNNEL.GRE } as const;

const bytesOf = (host: string): Uint8Array => parseIp(host)!;

const isSinglePort = ({ firstPort, lastPort }: ServiceBind): boolean => firstPort === lastPort;

/** Where a service's packets are looked up: `lookups` for single ports and marks, else `ranges`. */
export function lookupsOf(service: ServicePlan): { lookups: Entry[]; ranges: Entry[] } {
  const value = new Uint8Array(Uint32Array.of(service.slot).buffer);
  const lookups: Entry[] = [];
  const ranges: Entry[] = [];
  if (service.mark !== 0 && service.markFamily !== 0) {
    for (const name of service.protocols) {
      const key = markKey(service.mark, service.markFamily, PROTOCOL[name]);
      lookups.push({ key, value });
    }
  }
  for (const bind of service.binds) {
    for (const name of service.protocols) {
      const address = bytesOf(bind.host);
      if (isSinglePort(bind)) {
        lookups.push({ key: serviceKey(address, bind.firstPort, PROTOCOL[name]), value });
        continue;
      }
      for (const key of rangeKeys(address, bind.firstPort, bind.lastPort, PROTOCOL[name])) {
        ranges.push({ key, value });
      }
    }
  }
  return { lookups, ranges };
}

/** Rows of `destinations` that belong to a service. */
export interface Block {
  readonly base: number;
  readonly capacity: number;
}

export function composeService(
  service: ServicePlan,
  { slot, servers }: BackendPlan,
  pool: Pool,
  block: Block,
): Uint8Array {
  const { persistence, onNoServer, onServerRemoved } = service;
  const isDirect = servers.some((server) => !translates(forwardingOf(service, server).method));
  const flags =
    (persistence ? SERVICE_FLAG.PERSISTENT : 0) |
    (persistence?.by === "call-id" ? SERVICE_FLAG.CALLS : 0) |
    (service.onePacket ? SERVICE_FLAG.ONE_PACKET : 0) |
    (onNoServer === "reject" ? SERVICE_FLAG.REJECT : 0) |
    (onNoServer === "bypass" ? SERVICE_FLAG.BYPASS : 0) |
    (onServerRemoved === "reset" ? SERVICE_FLAG.RESET : 0) |
    (pool.flags & PACKET_FLAG.FALLBACK ? SERVICE_FLAG.FALLBACK : 0);
  return serviceRow({
    pool: slot,
    base: block.base,
    persistTicks: persistence ? ticksOf(persistence.timeoutMs) : 0,
    limit: service.maxConnections,
    sourceLimit: service.maxPerSource,
    isDirect,
    program: pool.program,
    hash: pool.hash,
    flags,
    prefix4: persistence?.prefix4 ?? 32,
    prefix6: persistence?.prefix6 ?? 128,
    synProxy: SYN_PROXIES[service.synProxy],
    identity: rowIdentity(service.name),
    capacity: block.capacity,
  });
}

/** Where a server is, and whether its answers come this way. */
export interface ServerPlace extends Pick<ServerFacts, "address" | "port"> {
  readonly method: ForwardingMethod;
}

/** That of a server as a service sees it. */
export const placeOf = (service: ServicePlan, server: ServerFacts): ServerPlace => ({
  ...{ address: server.address, port: server.port },
  method: forwardingOf(service, server).method,
});

/** That of a row of `destinations`; the address may be all zeros. */
export function placeIn(row: Uint8Array): ServerPlace {
  const address = row.subarray(DESTINATION.ADDRESS, DESTINATION.ADDRESS + 16);
  const method = methodNamed(row[DESTINATION.METHOD]!) ?? "bypass";
  return { address, port: viewOf(row).getUint16(DESTINATION.PORT), method };
}

/** A tunnel carries one family in another; else server and service are of the same. */
function reaches(service: ServicePlan, method: ForwardingMethod, address: Uint8Array): boolean {
  if (method === "tun") return true;
  const [bind] = service.binds;
  return isMapped(address) !== (bind ? bind.host.includes(":") : service.markFamily === 6);
}

/**
 * A server's row for one service. Without an address that the method reaches it takes nothing: a
 * name may turn out to be of the other family. `endsWhenDown`: so do its connections when it is.
 */
export function composeDestination(
  service: ServicePlan,
  server: ServerFacts,
  generation: number,
  endsWhenDown: boolean,
): Uint8Array {
  const { method, tunnel } = forwardingOf(service, server);
  const isReached = server.address && reaches(service, method, server.address);
  const address = isReached ? server.address : undefined;
  return destinationRow({
    address: address ?? new Uint8Array(16),
    port: translates(method) ? server.port : 0,
    service: service.slot,
    generation,
    weight: address ? server.weight : 0,
    upper: server.upper,
    lower: server.lower,
    method: METHOD_NUMBERS[method],
    flags: address ? flagsOf(service.passClient && method === "fullnat", server, endsWhenDown) : 0,
    tunnel: tunnel ? TUNNELS[tunnel.type] : TUNNEL.IPIP,
    tunnelPort: tunnel?.port ?? 0,
    identity: server.identity,
  });
}

function flagsOf(passes: boolean, server: ServerFacts, endsWhenDown: boolean): number {
  const { PRESENT, PASSES, CLOSED, ENDS } = DESTINATION_FLAG;
  const closed = server.isClosed ? CLOSED : 0;
  const ends = server.isClosed && server.isDown && endsWhenDown ? ENDS : 0;
  return PRESENT | (passes ? PASSES : 0) | closed | ends;
}

/**
 * Whose replies packets of servers are. A server's port that stands behind one address and port is
 * told by itself; else, and always in FULLNAT, the kernel keeps the flow of every reply. A
 * connection from before that has none, so the entry still names whom it was for: `before` is what
 * stands in the kernel.
 */
export function composeServers(
  services: readonly ServicePlan[],
  placesOf: (service: ServicePlan) => readonly ServerPlace[],
  before: (key: Uint8Array) => Uint8Array | undefined,
): Entry[] {
  const found = new Map<string, Entry>();
  for (const service of services) {
    for (const server of placesOf(service)) {
      if (!server.address || !translates(server.method)) continue;
      const value = ownValue(service, server);
      for (const name of service.protocols) {
        const key = serverKey(server.address, server.port, PROTOCOL[name]);
        const text = textOf(key);
        const known = found.get(text)?.value;
        const isClear = !known || (sameBytes(known, 0, known.length, value) && !isAmbiguous(value));
        found.set(text, {
          key,
          value: isClear ? value : asAmbiguous(before(key) ?? known),
        });
      }
    }
  }
  return [...found.values()];
}

/** Whose replies a server's are if nobody else's. */
function ownValue(service: ServicePlan, { method, port: own }: ServerPlace): Uint8Array {
  const only = service.binds.length === 1 ? service.binds[0] : undefined;
  const hasPort = own !== 0;
  const isClear = method === "nat" && only && (isSinglePort(only) || !hasPort);
  const host = only ? bytesOf(only.host) : new Uint8Array(16);
  const port = only && hasPort ? only.firstPort : 0;
  return serverValue(host, port, isClear ? 0 : SERVER_FLAG.AMBIGUOUS);
}

/** Of a value of `servers`. */
export const isAmbiguous = (value: Uint8Array): boolean =>
  (value[SERVER_VALUE.FLAGS]! & SERVER_FLAG.AMBIGUOUS) !== 0;

function asAmbiguous(value: Uint8Array): Uint8Array {
  const copy = value.slice();
  copy[SERVER_VALUE.FLAGS]! |= SERVER_FLAG.AMBIGUOUS;
  return copy;
}

/** Slots of backends some of whose servers' replies come back this way. */
export const translatedSlots = ({ services, backends }: Plan): ReadonlySet<number> =>
  new Set(
    services
      .filter((service) => [...methodsOf(service, backends)].some(translates))
      .map(({ backend }) => backends[backend]!.slot),
  );

/** Servers may speak of calls that no connection is known of. */
const hearsCalls = (plan: Plan, service: ServicePlan): boolean =>
  service.persistence?.by === "call-id" && methodsOf(service, plan.backends).has("nat");

/**
 * The programs' `configuration`. `hasReplies`: replies are known of, be it of servers that are gone
 * by now.
 */
export function composeConfig(
  plan: Plan,
  director: DirectorPlan,
  {
    isSecure,
    hasReplies,
    ...numbers
  }: {
    readonly hasReplies: boolean;
    readonly destinations: number;
    readonly dropRate: number;
    readonly isSecure: boolean;
    readonly localPorts: LocalPorts;
  },
) {
  const { services, backends } = plan;
  const hasRanges = services.some(({ binds }) => binds.some((bind) => !isSinglePort(bind)));
  const flags =
    (hasReplies || translatedSlots(plan).size > 0 ? CONFIG_FLAG.REPLIES : 0) |
    (hasRanges ? CONFIG_FLAG.RANGES : 0) |
    (goesByMark(plan) ? CONFIG_FLAG.MARKS : 0) |
    (isSecure ? CONFIG_FLAG.SECURE : 0) |
    (services.some((one) => hearsCalls(plan, one)) ? CONFIG_FLAG.CALLS : 0) |
    (director.sloppyTcp ? CONFIG_FLAG.SLOPPY : 0) |
    (director.sloppySctp ? CONFIG_FLAG.SLOPPY_SCTP : 0) |
    (director.expireNodest ? CONFIG_FLAG.EXPIRE_NODEST : 0) |
    (director.expireQuiescentTemplate ? CONFIG_FLAG.EXPIRE_QUIESCENT : 0) |
    (backends.some(({ check }) => check?.via !== undefined) ? CONFIG_FLAG.PROBES : 0) |
    (director.connReuse !== 0 ? CONFIG_FLAG.REUSE : 0) |
    (director.connReuse & 2 ? CONFIG_FLAG.REUSE_FIN : 0);
  return configRow({
    flags,
    newFlows: director.newFlowsPerSecond,
    ...numbers,
    locals: director.localAddresses.length,
    timeouts: timeoutTicks(director.timeouts),
  });
}
