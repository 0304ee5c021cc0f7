import type { PacketFlow } from "#balance/packet-hash.ts";
import type { PacketServer } from "#balance/packet-schedule.ts";
import { createPacketTwin } from "#balance/packet-twin.ts";
import type { SchedulerType } from "#balance/scheduler.ts";
import { schedulerByName } from "#balance/schedulers/index.ts";
import { parseAddress } from "#base/address.ts";
import { formatIp, parseIp } from "#base/ip.ts";
import { PROTOCOL, type ProtocolName } from "#base/protocol.ts";
import { WEIGHT_SCALE } from "#plan/board.ts";
import { forwardingOf } from "#plan/forwarding.ts";
import type { BackendPlan, Plan, ServerPlan, ServicePlan } from "#plan/plan.ts";
import { rowIdentity } from "#plan/row-identity.ts";
import type { Style } from "../style.ts";
import { weightOf } from "./pick-server.ts";

export const isProtocol = (word: string): word is ProtocolName => Object.hasOwn(PROTOCOL, word);

const PERSISTENT = { address: "client", "call-id": "call" } as const;

/** Of a client that names none. */
const SOME_PORT = 40_000;

/** The first packet of a connection. */
export interface Packet {
  readonly protocol: ProtocolName;
  /** `10.0.0.1:80`. */
  readonly to: string;
  /** `192.0.2.7:1234`, or an address alone. */
  readonly from: string;
}

export interface PacketExplanation {
  /** undefined = no service takes it, and it goes its way. */
  readonly service: string | undefined;
  /** There are services that go by the firewall's marks, which are not known here. */
  readonly marks: boolean;
  /** By which the packet gets to the server; without one, the service's. */
  readonly method: string | undefined;
  readonly backend: string | undefined;
  readonly scheduler: string | undefined;
  /** What stays with a server; undefined = nothing does. */
  readonly persistent: "client" | "call" | undefined;
  /** Undefined when there is none, or none can be told. */
  readonly server: string | undefined;
  /** It depends on the packet alone, not on what came before. */
  readonly isSure: boolean;
}

interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What the director would do with it, all servers being up; a sentence when it is no packet. */
export function explainPacket(plan: Plan, packet: Packet): PacketExplanation | string {
  const to = endpointOf(packet.to);
  const from = endpointOf(packet.from, SOME_PORT);
  if (typeof to === "string") return to;
  if (typeof from === "string") return from;
  const service = plan.services.find((one) => takes(one, packet.protocol, to));
  const backend = service && plan.backends[service.backend]!;
  const marks = plan.services.some(({ mark }) => mark > 0);
  const picked = backend && pick(backend, flowOf(packet.protocol, from, to));
  return {
    service: service?.name,
    marks,
    method: service && forwardingOf(service, picked?.by ?? {}).method,
    backend: backend?.name,
    scheduler: backend?.balance.name,
    persistent: service?.persistence && PERSISTENT[service.persistence.by],
    server: picked?.by?.name,
    isSure: picked?.isSure ?? true,
  };
}

function endpointOf(text: string, otherwise?: number): Endpoint | string {
  const bare = parseIp(text);
  if (bare && otherwise !== undefined) return { host: formatIp(bare), port: otherwise };
  const read = parseAddress(text);
  if (typeof read === "string") return `${JSON.stringify(text)}: expected ${read}`;
  if (read.kind !== "inet") return `${JSON.stringify(text)} is no IP address with a port`;
  return { host: formatIp(parseIp(read.host)!), port: read.port };
}

const takes = (service: ServicePlan, protocol: ProtocolName, { host, port }: Endpoint) =>
  service.protocols.includes(protocol) &&
  service.binds.some(
    (bind) => bind.host === host && bind.firstPort <= port && port <= bind.lastPort,
  );

const flowOf = (protocol: ProtocolName, from: Endpoint, to: Endpoint): PacketFlow => ({
  source: parseIp(from.host)!,
  sport: from.port,
  destination: parseIp(to.host)!,
  dport: to.port,
  protocol: PROTOCOL[protocol],
  nowMs: 0,
});

/** Asks the scheduler as it is at its beginning: nothing under way, nobody seen yet. */
function pick(backend: BackendPlan, flow: PacketFlow) {
  const { name, options } = backend.balance;
  const type: SchedulerType | undefined = schedulerByName(name);
  const schedule = type?.packets?.(options as never);
  if (typeof schedule !== "object") return { by: undefined, isSure: false };
  const servers = backend.servers.map((server) => packetServer(backend, server));
  const twin = createPacketTwin(schedule, servers);
  const none = new Int32Array(servers.length);
  const state = { active: none, inactive: none, overloaded: new Uint8Array(servers.length) };
  const by = backend.servers[twin.pick(flow, state)];
  return { by, isSure: schedule.kind === "hash" };
}

function packetServer(backend: BackendPlan, server: ServerPlan): PacketServer {
  const { address } = server;
  const weight = weightOf(server, backend) / WEIGHT_SCALE;
  return {
    identity: rowIdentity(`${backend.name}/${server.name}`),
    weight,
    lastWeight: weight,
    // A name is not looked up.
    address: (address.kind === "inet" ? parseIp(address.host) : undefined) ?? new Uint8Array(16),
    port: "port" in address ? address.port : 0,
  };
}

/** The explanation as lines for people. */
export function showPacket(e: PacketExplanation, style: Style): string {
  const lines = e.service === undefined ? [showNothing(e)] : showService(e, e.service, style);
  const width = Math.max(...lines.map(([left]) => left.length));
  return lines.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join("");
}

function showNothing({ marks }: PacketExplanation): [string, string] {
  const more = marks ? ", unless a filter gives it the mark of one" : "";
  return ["no service", `takes it${more}: it goes where it was going`];
}

function showService(e: PacketExplanation, service: string, style: Style): [string, string][] {
  const lines: [string, string][] = [
    [`service ${service}`, "takes its address and port"],
    [`backend ${e.backend}`, `method ${e.method}, scheduler ${e.scheduler}`],
  ];
  if (e.persistent) {
    lines.push(["persistence", `a ${e.persistent} that has a server stays with it`]);
  }
  if (e.server === undefined) {
    const why = e.isSure
      ? "takes it: the one of the hash takes nothing new"
      : "takes new connections";
    return [...lines, ["no server", style.yellow(why)]];
  }
  const when = e.isSure
    ? "would take it, all servers being up: the hash says so"
    : "would take the first connection, all servers being up and idle";
  return [...lines, [`server ${style.bold(e.server)}`, when]];
}
