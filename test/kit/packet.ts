import { parseIp } from "#base/ip.ts";

/*
 * Frames byte by byte, from the RFCs and as plainly as can be: what the director's programs are
 * held against. Sums are computed over all the bytes, never adjusted.
 */

/** What is in an IP packet, when its addresses are known: pseudo-headers need them. */
export type Payload = (source: Uint8Array, destination: Uint8Array) => Carried;

interface Carried {
  readonly protocol: number;
  readonly bytes: Uint8Array;
}

export const PROTO = {
  hopByHop: 0,
  icmp: 1,
  ipip: 4,
  tcp: 6,
  udp: 17,
  ipv6: 41,
  routing: 43,
  fragment: 44,
  gre: 47,
  icmp6: 58,
  destinationOptions: 60,
  sctp: 132,
} as const;

/** Flags of TCP by their letters: `SA` is SYN and ACK. */
const FLAG: Readonly<Record<string, number>> = { F: 1, S: 2, R: 4, P: 8, A: 16, U: 32 };

export const tcpFlags = (letters: string): number =>
  [...letters].reduce((all, letter) => all | FLAG[letter]!, 0);

export const concat = (...parts: readonly Uint8Array[]): Uint8Array =>
  new Uint8Array(Buffer.concat(parts));
export const u16 = (...values: readonly number[]): Uint8Array =>
  Uint8Array.from(values.flatMap((value) => [(value >> 8) & 255, value & 255]));
export const u32 = (...values: readonly number[]): Uint8Array =>
  u16(...values.flatMap((value) => [Math.floor(value / 65_536), value % 65_536]));

/** Bytes 1, 2, 3 …: a payload in which nothing can change place unseen. */
export const counting = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i + 1) & 255);

/** 16 bytes; IPv4 as ::ffff:a.b.c.d, as the director's maps have it. */
export function ip16(text: string): Uint8Array {
  const bytes = parseIp(text);
  if (bytes === undefined) throw new Error(`${text} is no address`);
  return bytes;
}

const wireAddress = (text: string): Uint8Array =>
  text.includes(":") ? ip16(text) : ip16(text).slice(12);

/** The Internet checksum (RFC 1071). */
export function checksum(...parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let i = 0; i < part.length; i += 2) sum += part[i]! * 256 + (part[i + 1] ?? 0);
  }
  while (sum > 0xffff) sum = (sum % 65_536) + Math.floor(sum / 65_536);
  return 0xffff - sum;
}

/** Pseudo-header: RFC 9293 section 3.1, RFC 8200 section 8.1. */
export const pseudoHeader = (
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): Uint8Array => concat(source, destination, u32(length), u16(protocol));

/** CRC32c, bit by bit (RFC 9260 appendix A). */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f6_3b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** A copy with a 16-bit word in it. */
export function withWord(bytes: Uint8Array, at: number, word: number): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(u16(word), at);
  return copy;
}

export interface Ports {
  readonly from: number;
  readonly to: number;
}

export interface TcpFields extends Ports {
  readonly flags?: string;
  readonly seq?: number;
  readonly ack?: number;
  readonly window?: number;
  readonly urgent?: number;
  /** A multiple of 4. */
  readonly options?: Uint8Array;
  readonly data?: Uint8Array;
}

export const tcp =
  (fields: TcpFields): Payload =>
  (source, destination) => {
    const { options = new Uint8Array(), data = new Uint8Array() } = fields;
    const words = 5 + options.length / 4;
    const head = concat(
      u16(fields.from, fields.to),
      u32(fields.seq ?? 1000, fields.ack ?? 0),
      Uint8Array.of(words << 4, tcpFlags(fields.flags ?? "S")),
      u16(fields.window ?? 64_240, 0, fields.urgent ?? 0),
    );
    const bytes = concat(head, options, data);
    const pseudo = pseudoHeader(source, destination, PROTO.tcp, bytes.length);
    return { protocol: PROTO.tcp, bytes: withWord(bytes, 16, checksum(pseudo, bytes)) };
  };

/**
 * The urgent pointer with which the director settles the sum of a segment of its own: whether or
 * not the kernel still makes it, the sum comes out as that of the pseudo-header.
 */
export const settlingWord = (from: string, to: string, fields: TcpFields): number => {
  const ends = [wireAddress(from), wireAddress(to)] as const;
  const { bytes } = tcp({ ...fields, urgent: 0 })(...ends);
  const pseudo = 0xffff - checksum(pseudoHeader(...ends, PROTO.tcp, bytes.length));
  return checksum(withWord(bytes, 16, pseudo), u16(pseudo));
};

export interface UdpFields extends Ports {
  readonly data?: Uint8Array;
  /** Sent without a checksum. */
  readonly unsummed?: boolean;
}

export const udp =
  ({ from, to, data = counting(8), unsummed = false }: UdpFields): Payload =>
  (source, destination) => {
    const bytes = concat(u16(from, to, 8 + data.length, 0), data);
    const pseudo = pseudoHeader(source, destination, PROTO.udp, bytes.length);
    // A sum of nothing is sent as all ones: 0 says that there is none (RFC 768).
    const sum = unsummed ? 0 : checksum(pseudo, bytes) || 0xffff;
    return { protocol: PROTO.udp, bytes: withWord(bytes, 6, sum) };
  };

/** Types of SCTP's chunks. */
export const CHUNK = {
  data: 0,
  init: 1,
  initAck: 2,
  sack: 3,
  heartbeat: 4,
  heartbeatAck: 5,
  abort: 6,
  shutdown: 7,
  shutdownAck: 8,
  error: 9,
  cookieEcho: 10,
  cookieAck: 11,
  ecne: 12,
  cwr: 13,
  shutdownComplete: 14,
} as const;

export const sctp =
  ({
    from,
    to,
    chunk = CHUNK.init,
    data = counting(16),
    more = [],
  }: UdpFields & { chunk?: number; more?: readonly number[] }): Payload =>
  () => {
    // Chunks begin at multiples of 4 (RFC 9260 section 3.2).
    const padding = new Uint8Array(more.length > 0 ? -data.length & 3 : 0);
    const first = concat(Uint8Array.of(chunk, 0), u16(4 + data.length), data, padding);
    const chunks = concat(first, ...more.map((type) => concat(Uint8Array.of(type, 0), u16(4))));
    const bytes = concat(u16(from, to), u32(0x1234_5678, 0), chunks);
    const sum = crc32c(bytes);
    bytes.set([sum & 255, (sum >>> 8) & 255, (sum >>> 16) & 255, sum >>> 24], 8);
    return { protocol: PROTO.sctp, bytes };
  };

export const raw =
  (protocol: number, bytes: Uint8Array): Payload =>
  () => ({ protocol, bytes });

export interface IcmpFields {
  readonly type: number;
  readonly code?: number;
  /** The four bytes behind the sum. */
  readonly info?: number;
  readonly body?: Uint8Array;
}

/** ICMP of the family that the addresses are of. */
export const icmp =
  ({ type, code = 0, info = 0, body = new Uint8Array() }: IcmpFields): Payload =>
  (source, destination) => {
    const bytes = concat(Uint8Array.of(type, code, 0, 0), u32(info), body);
    if (source.length === 4) {
      return { protocol: PROTO.icmp, bytes: withWord(bytes, 2, checksum(bytes)) };
    }
    const pseudo = pseudoHeader(source, destination, PROTO.icmp6, bytes.length);
    return { protocol: PROTO.icmp6, bytes: withWord(bytes, 2, checksum(pseudo, bytes)) };
  };

export interface IpFields {
  readonly from: string;
  readonly to: string;
  /** TTL or hop limit. */
  readonly hops?: number;
  /** DSCP and ECN. */
  readonly class?: number;
  readonly id?: number;
  readonly df?: boolean;
  /** Options of IPv4, a multiple of 4. */
  readonly options?: Uint8Array;
  /** Flow label of IPv6. */
  readonly label?: number;
  /** Headers between that of IPv6 and the transport's. */
  readonly extensions?: readonly Extension[];
  /** Of the payload only these bytes, as a fragment. */
  readonly part?: { readonly at: number; readonly bytes: number };
}

export interface Extension {
  readonly kind: number;
  /** Behind its first two bytes: 6, or 6 and a multiple of 8. */
  readonly body: Uint8Array;
}

/** An IP packet of the family of its addresses. */
export function ip(fields: IpFields, payload: Payload): Uint8Array {
  const source = wireAddress(fields.from);
  const destination = wireAddress(fields.to);
  const carried = payload(source, destination);
  return source.length === 4
    ? ipv4(fields, source, destination, carried)
    : ipv6(fields, source, destination, carried);
}

function ipv4(
  {
    hops = 64,
    class: tos = 0,
    id = 0x1234,
    df = false,
    options = new Uint8Array(),
    part,
  }: IpFields,
  source: Uint8Array,
  destination: Uint8Array,
  { protocol, bytes }: Carried,
): Uint8Array {
  const body = part ? bytes.subarray(part.at, part.at + part.bytes) : bytes;
  const more = part && part.at + part.bytes < bytes.length ? 0x2000 : 0;
  const words = 5 + options.length / 4;
  const header = concat(
    Uint8Array.of(0x40 | words, tos),
    u16(words * 4 + body.length, id, (df ? 0x4000 : 0) | more | ((part?.at ?? 0) / 8)),
    Uint8Array.of(hops, protocol, 0, 0),
    source,
    destination,
    options,
  );
  return concat(withWord(header, 10, checksum(header)), body);
}

function ipv6(
  { hops = 64, class: trafficClass = 0, label = 0, id = 0x1234, extensions = [], part }: IpFields,
  source: Uint8Array,
  destination: Uint8Array,
  { protocol, bytes }: Carried,
): Uint8Array {
  const body = part ? bytes.subarray(part.at, part.at + part.bytes) : bytes;
  const all = [...extensions];
  if (part) {
    const more = part.at + part.bytes < bytes.length ? 1 : 0;
    all.push({ kind: PROTO.fragment, body: concat(u16(part.at | more), u32(id)) });
  }
  const kinds = [...all.map(({ kind }) => kind), protocol];
  const chain = all.map(({ kind, body }, i) => {
    const length = kind === PROTO.fragment ? 0 : (body.length + 2) / 8 - 1;
    return concat(Uint8Array.of(kinds[i + 1]!, length), body);
  });
  const rest = concat(...chain, body);
  const first = 6 * 2 ** 28 + trafficClass * 2 ** 20 + label;
  const after = concat(u16(rest.length), Uint8Array.of(kinds[0]!, hops));
  return concat(u32(first), after, source, destination, rest);
}

export const CLIENT_MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
export const OUR_MAC = Uint8Array.of(2, 0, 0, 0, 0, 2);
export const SERVER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 3);

/** A frame that comes to us, or with `answer` one that goes back. */
export function frame(packet: Uint8Array, answer = false): Uint8Array {
  const type = packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd;
  const hardware = answer ? [CLIENT_MAC, OUR_MAC] : [OUR_MAC, CLIENT_MAC];
  return concat(...hardware, u16(type), packet);
}

/** GRE without options (RFC 2784) around a packet. */
export const gre = (packet: Uint8Array): Payload =>
  raw(PROTO.gre, concat(u16(0, packet[0]! >> 4 === 4 ? 0x0800 : 0x86dd), packet));

export const ipip = (packet: Uint8Array): Payload =>
  raw(packet[0]! >> 4 === 4 ? PROTO.ipip : PROTO.ipv6, packet);

/** GUE version 0 without fields, over UDP without a sum. */
export const gue = (ports: Ports, packet: Uint8Array): Payload =>
  udp({
    ...ports,
    data: concat(Uint8Array.of(0, packet[0]! >> 4 === 4 ? PROTO.ipip : PROTO.ipv6, 0, 0), packet),
    unsummed: true,
  });

/** What the director's errors quote of a packet, its transport's words settled as answer.h says. */
export function settledQuote(packet: Uint8Array, protocol: "tcp" | "udp" | "sctp"): Uint8Array {
  // In IPv6 a fragment's header may follow.
  const bytes = packet[0]! >> 4 === 4 ? 20 : packet[6] === 44 ? 48 : 40;
  const header = packet.subarray(0, bytes);
  const start = packet.subarray(bytes, bytes + (protocol === "tcp" ? 20 : 8));
  if (protocol === "sctp") return concat(header, start);
  const [sum, spare] = protocol === "tcp" ? [16, 18] : [6, 4];
  const zeroed = withWord(withWord(start, sum, 0xffff), spare, 0);
  return concat(header, withWord(zeroed, spare, checksum(zeroed)));
}
