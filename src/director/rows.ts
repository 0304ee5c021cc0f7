import {
  CONFIG,
  DESTINATION,
  HOP,
  POOL_HEADER,
  PORT,
  RANGE_KEY,
  ROUTE,
  SERVER_KEY,
  SERVER_VALUE,
  SERVICE,
  SERVICE_KEY,
} from "#plan/director-layout.ts";
import { POOL_LIMIT, type TUNNEL } from "#plan/director-numbers.ts";

/*
 * Rows of the director's maps as bytes, laid out as src/director/bpf/weir.h says. Addresses are 16
 * bytes, IPv4 as ::ffff:a.b.c.d; ports are numbers here and in network order there.
 */

/** The mask of an address of 16 bytes that leaves its first bits; 0 to 128. */
export const maskOf = (bits: number): Uint8Array =>
  Uint8Array.from({ length: 16 }, (_, i) => {
    const here = Math.min(8, Math.max(0, bits - 8 * i));
    return 0xff00 >> here;
  });

/** Key of an array map. */
export function rowKey(row: number): Uint8Array {
  const key = new Uint8Array(4);
  new DataView(key.buffer).setUint32(0, row, true);
  return key;
}

/** Ports that FULLNAT speaks to servers from. */
export interface LocalPorts {
  /** So many from LOCAL_PORT.FIRST on, not counting those that are left out. */
  readonly count: number;
  /** The first of those that the kernel gives to sockets, and how many these are. */
  readonly keptFirst: number;
  readonly kept: number;
}

export interface ConfigRow {
  readonly flags: number;
  readonly newFlows: number;
  readonly destinations: number;
  readonly locals: number;
  readonly localPorts: LocalPorts;
  /** Of new flows one in so many is dropped; 0 = none. */
  readonly dropRate: number;
  /** Ticks, by connection state. */
  readonly timeouts: readonly number[];
}

export function configRow(from: ConfigRow): Uint8Array {
  const { bytes, view } = row(CONFIG.BYTES);
  view.setUint32(CONFIG.FLAGS, from.flags, true);
  view.setUint32(CONFIG.NEW_FLOWS, from.newFlows, true);
  view.setUint32(CONFIG.DESTINATIONS, from.destinations, true);
  view.setUint32(CONFIG.LOCALS, from.locals, true);
  view.setUint32(CONFIG.DROP_RATE, from.dropRate, true);
  view.setUint32(CONFIG.LOCAL_PORTS, from.localPorts.count, true);
  view.setUint32(CONFIG.KEPT_PORT, from.localPorts.keptFirst, true);
  view.setUint32(CONFIG.KEPT_PORTS, from.localPorts.kept, true);
  for (const [state, ticks] of from.timeouts.entries()) {
    view.setUint32(CONFIG.TIMEOUT + 4 * state, ticks, true);
  }
  return bytes;
}

/** Key of `lookups` for an address, a port and a protocol. */
export function serviceKey(address: Uint8Array, port: number, protocol: number): Uint8Array {
  const { bytes, view } = row(SERVICE_KEY.BYTES);
  bytes.set(address, SERVICE_KEY.ADDRESS);
  view.setUint16(SERVICE_KEY.PORT, port);
  bytes[SERVICE_KEY.PROTOCOL] = protocol;
  return bytes;
}

/** Key of `lookups` for packets of a protocol with a firewall mark. */
export function markKey(mark: number, family: 4 | 6, protocol: number): Uint8Array {
  const { bytes, view } = row(SERVICE_KEY.BYTES);
  view.setUint32(SERVICE_KEY.MARK, mark, true);
  bytes[SERVICE_KEY.PROTOCOL] = protocol;
  bytes[SERVICE_KEY.FAMILY] = family;
  return bytes;
}

/** Bits of a range's key before its port. */
const BITS_BEFORE_PORT = 8 * (RANGE_KEY.PORT - RANGE_KEY.ADDRESS);

/**
 * Keys of `ranges` for ports from `first` to `last`: the fewest powers of two that make them up.
 */
export function rangeKeys(
  address: Uint8Array,
  first: number,
  last: number,
  protocol: number,
): Uint8Array[] {
  const keys: Uint8Array[] = [];
  for (let from = first; from <= last; ) {
    let size = from === 0 ? 65_536 : from & -from;
    while (from + size - 1 > last) size /= 2;
    const { bytes, view } = row(RANGE_KEY.BYTES);
    view.setUint32(RANGE_KEY.BITS, BITS_BEFORE_PORT + 16 - Math.log2(size), true);
    bytes.set(address, RANGE_KEY.ADDRESS);
    bytes[RANGE_KEY.PROTOCOL] = protocol;
    view.setUint16(RANGE_KEY.PORT, from);
    keys.push(bytes);
    from += size;
  }
  return keys;
}

export interface ServiceRow {
  readonly pool: number;
  readonly base: number;
  readonly persistTicks: number;
  readonly limit: number;
  readonly sourceLimit: number;
  /** Some servers answer clients directly. */
  readonly isDirect: boolean;
  readonly program: number;
  readonly hash: number;
  readonly flags: number;
  readonly prefix4: number;
  readonly prefix6: number;
  /** A SYN_PROXY. */
  readonly synProxy: number;
  readonly identity: number;
  readonly capacity: number;
}

export function serviceRow(from: ServiceRow): Uint8Array {
  const { bytes, view } = row(SERVICE.BYTES);
  view.setUint32(SERVICE.POOL, from.pool, true);
  view.setUint32(SERVICE.BASE, from.base, true);
  view.setUint32(SERVICE.PERSIST, from.persistTicks, true);
  view.setUint32(SERVICE.LIMIT, from.limit, true);
  view.setUint32(SERVICE.SOURCE_LIMIT, from.sourceLimit, true);
  bytes[SERVICE.DIRECT] = Number(from.isDirect);
  bytes[SERVICE.PROGRAM] = from.program;
  bytes[SERVICE.HASH] = from.hash;
  bytes[SERVICE.FLAGS] = from.flags;
  bytes[SERVICE.PREFIX4] = from.prefix4;
  bytes[SERVICE.PREFIX6] = from.prefix6;
  bytes[SERVICE.SYN_PROXY] = from.synProxy;
  view.setUint32(SERVICE.IDENTITY, from.identity, true);
  view.setUint32(SERVICE.CAPACITY, from.capacity, true);
  return bytes;
}

export interface DestinationRow {
  readonly address: Uint8Array;
  /** 0: as the packet has it. */
  readonly port: number;
  readonly service: number;
  readonly generation: number;
  readonly weight: number;
  readonly upper: number;
  readonly lower: number;
  readonly method: number;
  readonly flags: number;
  readonly tunnel: (typeof TUNNEL)[keyof typeof TUNNEL];
  readonly tunnelPort: number;
  readonly identity: number;
}

export function destinationRow(from: DestinationRow): Uint8Array {
  const { bytes, view } = row(DESTINATION.BYTES);
  bytes.set(from.address, DESTINATION.ADDRESS);
  view.setUint16(DESTINATION.PORT, from.port);
  view.setUint32(DESTINATION.SERVICE, from.service, true);
  view.setUint32(DESTINATION.GENERATION, from.generation, true);
  view.setInt32(DESTINATION.WEIGHT, from.weight, true);
  view.setUint32(DESTINATION.UPPER, from.upper, true);
  view.setUint32(DESTINATION.LOWER, from.lower, true);
  bytes[DESTINATION.METHOD] = from.method;
  bytes[DESTINATION.FLAGS] = from.flags;
  bytes[DESTINATION.TUNNEL] = from.tunnel;
  view.setUint16(DESTINATION.TUNNEL_PORT, from.tunnelPort);
  view.setUint32(DESTINATION.IDENTITY, from.identity, true);
  return bytes;
}

export interface RouteRow {
  readonly nextHop: Uint8Array;
  /** Ours, towards the server. */
  readonly source: Uint8Array;
  /** Index of the interface; 0 = no way there. */
  readonly interface: number;
  readonly mtu: number;
  readonly family: 4 | 6;
  readonly local: boolean;
}

export function routeRow(from: RouteRow): Uint8Array {
  const { bytes, view } = row(ROUTE.BYTES);
  bytes.set(from.nextHop, ROUTE.NEXT_HOP);
  bytes.set(from.source, ROUTE.SOURCE);
  view.setUint32(ROUTE.INTERFACE, from.interface, true);
  view.setUint32(ROUTE.MTU, from.mtu, true);
  bytes[ROUTE.FAMILY] = from.family;
  bytes[ROUTE.LOCAL] = from.local ? 1 : 0;
  return bytes;
}

/** An interface whose packets XDP takes, until a tick. `address`: its own, 6 bytes. */
export interface PortRow {
  readonly address: Uint8Array;
  readonly untilTick: number;
}

export function portRow({ address, untilTick }: PortRow): Uint8Array {
  const { bytes, view } = row(PORT.BYTES);
  bytes.set(address, PORT.ADDRESS);
  view.setUint32(PORT.UNTIL, untilTick, true);
  return bytes;
}

/** How a frame gets to a next hop: hardware addresses of 6 bytes, and the interface's index. */
export interface HopRow {
  readonly nextHop: Uint8Array;
  readonly address: Uint8Array;
  readonly source: Uint8Array;
  readonly interface: number;
}

export function hopRow(from: HopRow): Uint8Array {
  const { bytes, view } = row(HOP.BYTES);
  bytes.set(from.nextHop, HOP.NEXT_HOP);
  bytes.set(from.address, HOP.ADDRESS);
  bytes.set(from.source, HOP.SOURCE);
  view.setUint32(HOP.INTERFACE, from.interface, true);
  return bytes;
}

/** Key of `servers`; port 0 stands for any. */
export function serverKey(address: Uint8Array, port: number, protocol: number): Uint8Array {
  const { bytes, view } = row(SERVER_KEY.BYTES);
  bytes.set(address, SERVER_KEY.ADDRESS);
  view.setUint16(SERVER_KEY.PORT, port);
  bytes[SERVER_KEY.PROTOCOL] = protocol;
  return bytes;
}

/** Whose replies a server's packets are. Port 0: as it came. */
export function serverValue(address: Uint8Array, port: number, flags: number): Uint8Array {
  const { bytes, view } = row(SERVER_VALUE.BYTES);
  bytes.set(address, SERVER_VALUE.ADDRESS);
  view.setUint16(SERVER_VALUE.PORT, port);
  view.setUint16(SERVER_VALUE.FLAGS, flags, true);
  return bytes;
}

/** Which ports replies come from: of all keys of `servers`. That of port 0 says that any may be. */
export function replyPorts(keys: Iterable<Uint8Array>): Uint8Array {
  const bits = new Uint8Array(65_536 / 8);
  for (const key of keys) {
    // As the program reads it from a packet: the machine's order of what is in the network's.
    const port = key[SERVER_KEY.PORT]! | (key[SERVER_KEY.PORT + 1]! << 8);
    if (port === 0) return bits.fill(0xff);
    bits[port >> 3]! |= 1 << (port & 7);
  }
  return bits;
}

/** Bytes of a row of a pool. */
export const POOL_ROW_BYTES = 2 * POOL_LIMIT.ENTRIES;

/** Rows of a pool: its header, so many slots, and the list of so many servers behind them. */
export const poolRows = (length: number, servers = 0): number =>
  1 + Math.ceil(length / POOL_LIMIT.ENTRIES) + Math.ceil(servers / POOL_LIMIT.ENTRIES);

/** No list of servers behind the slots. */
export const NO_LIST = new Uint16Array(0);

/** A pool's whole memory: its header, its slots, and in a new row the list of all servers. */
export function poolBytes(slots: Uint16Array, servers: Uint16Array = NO_LIST): Uint8Array {
  const bytes = new Uint8Array(poolRows(slots.length, servers.length) * POOL_ROW_BYTES);
  const header = new DataView(bytes.buffer);
  header.setUint32(POOL_HEADER.LENGTH, slots.length, true);
  header.setUint32(POOL_HEADER.SERVERS, servers.length, true);
  // The machine's own order: the kernel reads it so.
  new Uint16Array(bytes.buffer, POOL_ROW_BYTES).set(slots);
  new Uint16Array(bytes.buffer, poolRows(slots.length) * POOL_ROW_BYTES).set(servers);
  return bytes;
}

function row(length: number): { bytes: Uint8Array; view: DataView } {
  const bytes = new Uint8Array(length);
  return { bytes, view: new DataView(bytes.buffer) };
}
