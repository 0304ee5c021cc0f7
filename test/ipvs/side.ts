import { CLIENT_MAC, concat, icmp, ip, OUR_MAC, PROTO, u16 } from "#kit/packet.ts";
import { frameFaults } from "#kit/packet-check.ts";
import type { Wire } from "./wire.ts";

/*
 * What is in front of a director and behind it, all on one wire: a router that leads to all clients
 * there may be, and servers. No program is in either: tests speak for them.
 *
 *   clients ── router 10.1.0.2 ──┬── director 10.1.0.1, 10.2.0.1, VIP 10.1.0.100
 *              servers 10.2.0.11 ┘
 */

export const VIP = "10.1.0.100";
/** All service addresses there are. */
export const VIPS = Array.from({ length: 8 }, (_, i) => `10.1.0.${100 + i}`);
export const DIRECTOR = ["10.1.0.1/24", "10.2.0.1/24", ...VIPS.map((vip) => `${vip}/32`)];
const ROUTER = "10.1.0.2";
export const SERVERS = ["a", "b", "c", "d"];

export const serverAddress = (name: string): string => `10.2.0.${11 + SERVERS.indexOf(name)}`;
const serverMac = (name: string): Uint8Array => Uint8Array.of(2, 0, 0, 0, 1, SERVERS.indexOf(name));
const macText = (mac: Uint8Array): string =>
  [...mac].map((byte) => byte.toString(16).padStart(2, "0")).join(":");

export const DIRECTOR_MAC = macText(OUR_MAC);

/** Where to find everybody, so that nobody asks. */
export const NEIGHBOURS: readonly (readonly [address: string, mac: string])[] = [
  [ROUTER, macText(CLIENT_MAC)],
  ...SERVERS.map((name) => [serverAddress(name), macText(serverMac(name))] as const),
];
export const GATEWAY = ROUTER;

/** A row of the table of services: a server, with its connections. */
export interface ListedServer {
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
}

export interface ListedConnection {
  readonly state: string;
  /** Until it is forgotten. */
  readonly seconds: number;
  readonly client: string;
  readonly server: string;
}

/** A director under test. */
export interface Side {
  readonly name: string;
  readonly wire: Wire;
  /** Changes services as `ipvsadm` with these words, one call each. */
  apply(calls: readonly string[]): Promise<void>;
  /** As `sysctl net.ipv4.vs.NAME=VALUE`. */
  set(name: string, value: number): Promise<void>;
  /** What `ipvsadm -L -n` prints. */
  list(): Promise<string>;
  /** What `ipvsadm -L -c -n` prints. */
  connections(): Promise<string>;
}

/** Servers of a service in a table that `ipvsadm -L -n` prints, by their names. */
export function serversIn(
  table: string,
  port: number,
  protocol: string,
): Record<string, ListedServer> {
  const lines = table.split("\n");
  const head = new RegExp(`^${protocol.toUpperCase()} +${VIP}:${port} `);
  const at = lines.findIndex((line) => head.test(line));
  if (at < 0) throw new Error(`no service of port ${port} in:\n${table}`);
  const rest = lines.slice(at + 1);
  const end = rest.findIndex((line) => !line.startsWith("  ->"));
  const rows = rest.slice(0, end < 0 ? rest.length : end).map((line) => {
    const [, address, , weight, active, inactive] = line.trim().split(/ +/);
    const counts = { weight: Number(weight), active: Number(active), inactive: Number(inactive) };
    return [nameAt(address!), counts] as const;
  });
  return Object.fromEntries(rows.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Connections of a service in a table that `ipvsadm -L -c -n` prints. */
export function connectionsIn(table: string, port: number): ListedConnection[] {
  return table.split("\n").flatMap((line) => {
    const [, expire, state, client, service, server] = line.trim().split(/ +/);
    if (service !== `${VIP}:${port}`) return [];
    const [minutes, seconds] = expire!.split(":").map(Number);
    const found = { state: state!, seconds: minutes! * 60 + seconds!, client: client! };
    return [{ ...found, server: nameAt(server!) }];
  });
}

function nameAt(endpoint: string): string {
  const host = endpoint.split(":")[0]!;
  return SERVERS.find((name) => serverAddress(name) === host) ?? endpoint;
}

/** What comes out of a director: to whom, and what. */
export interface Seen {
  /** A server's name, or `client`. */
  readonly to: string;
  /** `10.9.0.1:1024 > 10.2.0.11:80 S`, with a tunnel's ends before it. */
  readonly packet: string;
  readonly hops: number;
  readonly faults: readonly string[];
}

export const ICMP_PING = 8;
const ICMP_PONG = 0;
let pings = 0;

/**
 * Packets to a director, one after another, from the router or a server; everything it sends until
 * it has answered a ping that comes after them.
 */
export async function pass(
  { wire }: Side,
  packets: readonly Uint8Array[],
  from = "client",
): Promise<Seen[]> {
  const number = ++pings & 0xffff;
  const ping = icmp({ type: ICMP_PING, info: number });
  const hardware = from === "client" ? CLIENT_MAC : serverMac(from);
  for (const packet of packets) wire.send(concat(OUR_MAC, hardware, u16(0x0800), packet));
  wire.send(concat(OUR_MAC, CLIENT_MAC, u16(0x0800), ip({ from: ROUTER, to: "10.1.0.1" }, ping)));
  const isPong = (frame: Uint8Array): boolean =>
    frame[14 + 9] === PROTO.icmp &&
    frame[34] === ICMP_PONG &&
    (frame[40]! << 8) + frame[41]! === number;
  const frames = await wire.receive(isPong);
  return frames.map(describeFrame);
}

function describeFrame(frame: Uint8Array): Seen {
  const mac = macText(frame.subarray(0, 6));
  const to = SERVERS.find((name) => macText(serverMac(name)) === mac) ?? "client";
  return {
    to,
    packet: describePacket(frame.subarray(14)),
    hops: frame[14 + 8]!,
    faults: frameFaults(frame),
  };
}

const address = (bytes: Uint8Array, at: number): string => bytes.subarray(at, at + 4).join(".");
const word = (bytes: Uint8Array, at: number): number => (bytes[at]! << 8) + bytes[at + 1]!;

function describePacket(packet: Uint8Array): string {
  const header = (packet[0]! & 15) * 4;
  const body = packet.subarray(header);
  const [source, destination] = [address(packet, 12), address(packet, 16)];
  const ends = `${source}:${word(body, 0)} > ${destination}:${word(body, 2)}`;
  switch (packet[9]) {
    case PROTO.tcp:
      return `${ends} ${[..."FSRPAU"].filter((_, bit) => body[13]! & (1 << bit)).join("")}`;
    case PROTO.udp:
      return `${ends} udp`;
    case PROTO.sctp:
      return `${ends} chunk ${body[12]}`;
    case PROTO.ipip:
      return `${source} > ${destination} [${describePacket(body)}]`;
    case PROTO.icmp:
      return `${source} > ${destination} icmp ${body[0]}.${body[1]}`;
    default:
      return `${source} > ${destination} protocol ${packet[9]}`;
  }
}
