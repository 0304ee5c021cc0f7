import { viewOf } from "#base/bytes.ts";
import { formatIp } from "#base/ip.ts";
import type { ProtocolName } from "#base/protocol.ts";
import { CONNECTION, FLOW } from "#plan/director-layout.ts";
import { CONN_STATE } from "#plan/director-numbers.ts";
import type { Forwarding } from "#plan/forwarding.ts";
import type { ForwardingMethod, PersistencePlan, ServiceBind } from "#plan/plan.ts";
import type { Counts } from "./estimator.ts";
import type { Taking } from "./interfaces.ts";
import type { Incidents, Load } from "./readings.ts";
import type { SyncStatus } from "./sync/status.ts";
import type { XdpStatus } from "./xdp.ts";

/** A server behind a service, as it stands now. */
export interface ServerStatus extends Forwarding, Load {
  readonly name: string;
  /** Empty while its name is not resolved. */
  readonly host: string;
  /** 0: the port packets come for. */
  readonly port: number;
  readonly weight: number;
  /** Connections at which it is overloaded; 0 = never. */
  readonly upper: number;
  readonly lower: number;
  readonly counts: Counts;
  /** A second. */
  readonly rates: Counts;
}

export interface ServiceStatus {
  readonly name: string;
  readonly protocols: readonly ProtocolName[];
  readonly binds: readonly ServiceBind[];
  readonly mark: number;
  readonly markFamily: 0 | 4 | 6;
  /** Of servers that say nothing else. */
  readonly method: ForwardingMethod;
  readonly backend: string;
  readonly scheduler: string;
  readonly persistence: PersistencePlan | undefined;
  readonly onePacket: boolean;
  readonly counts: Counts;
  readonly rates: Counts;
  readonly servers: readonly ServerStatus[];
}

/** The table of tracked connections. */
export interface ConnectionTable {
  /** Connections when they were last counted. */
  readonly count: number;
  /** How many there may be: as the table was made. */
  readonly size: number;
  /** How many there may be as the configuration wants it; a table that is there keeps its size. */
  readonly wanted: number;
}

/** The director as it stands now. */
export interface DirectorStatus {
  /** Why no packet is taken; undefined when all is well. */
  readonly problem: string | undefined;
  readonly interfaces: readonly Taking[];
  /** Absent where it is not wanted. */
  readonly xdp?: XdpStatus;
  readonly connections: ConnectionTable;
  readonly incidents: Incidents | undefined;
  /** Absent where no other director is told of connections. */
  readonly sync?: SyncStatus;
  readonly services: readonly ServiceStatus[];
}

/** One connection of the table, or a template of persistence. */
export interface ConnectionStatus {
  /** It is a template: ports of 0 stand for all, the client for its network, or is a call. */
  readonly template?: true;
  readonly protocol: number;
  readonly state: string;
  readonly client: string;
  readonly clientPort: number;
  readonly service: string;
  readonly servicePort: number;
  /** The service's name; empty when its server is gone. */
  readonly serviceName: string;
  /** Empty when the server is gone. */
  readonly server: string;
  readonly serverPort: number;
  /** Until it is forgotten, if no packet comes. */
  readonly expiresMs: number;
}

const STATES = Object.entries(CONN_STATE).filter(([name]) => name !== "ROWS");

/** A state's name as `ipvsadm -Lc` has it, which abbreviates those of SCTP. */
export function stateName(state: number): string {
  const name = STATES.find(([, number]) => number === state)?.[0] ?? "NONE";
  if (!name.startsWith("SCTP_")) return name;
  const short = name
    .slice(5)
    .replace(/^COOKIE_/, "C_")
    .replace(/^SHUTDOWN_/, "S_");
  return short.replaceAll("_", "-");
}

/** The flow of a connection's key, and its packets and state, in words. */
export function readConnection(key: Uint8Array, value: Uint8Array) {
  const flow = viewOf(key);
  const view = viewOf(value);
  return {
    protocol: key[FLOW.PROTOCOL]!,
    client: formatIp(key, FLOW.SOURCE),
    clientPort: flow.getUint16(FLOW.SOURCE_PORT),
    service: formatIp(key, FLOW.DESTINATION),
    servicePort: flow.getUint16(FLOW.DESTINATION_PORT),
    state: view.getUint16(CONNECTION.STATE, true),
    seen: view.getUint32(CONNECTION.SEEN, true),
    row: view.getUint32(CONNECTION.DESTINATION, true),
    generation: view.getUint32(CONNECTION.GENERATION, true),
  };
}
