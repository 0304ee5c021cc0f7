import { parseIp } from "#base/ip.ts";

/*
 * Frames with packets in packets, for tests. Checksums of IPv4 are right; of what is inside they
 * are whatever the caller gives.
 */

export const PROTOCOL = { IPIP: 4, TCP: 6, UDP: 17, IPV6: 41, GRE: 47, DSTOPTS: 60 } as const;
const ETHER_IPV4 = 0x0800;
const ETHER_IPV6 = 0x86dd;

export type Bytes = Uint8Array<ArrayBuffer>;

export const join = (...parts: readonly Uint8Array[]): Bytes =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

export const u16 = (...numbers: readonly number[]): Bytes =>
  Uint8Array.from(numbers.flatMap((number) => [(number >> 8) & 255, number & 255]));

/** The sum of RFC 1071 over 16-bit words. */
export function internetSum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += (bytes[i]! << 8) | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

export interface IpOptions {
  /** Type of service, or traffic class. */
  readonly tos?: number;
  /** IPv4: options, whole words. */
  readonly options?: Uint8Array;
  /** IPv4: flags and offset. */
  readonly fragment?: number;
}

/** A packet of the family of its addresses. */
export function ip(
  from: string,
  to: string,
  protocol: number,
  payload: Uint8Array,
  { tos = 0, options = new Uint8Array(0), fragment = 0 }: IpOptions = {},
): Bytes {
  if (from.includes(":")) {
    const head = [0x60 | (tos >> 4), (tos & 15) << 4, 0, 0, ...u16(payload.length), protocol, 64];
    return join(Uint8Array.from(head), parseIp(from)!, parseIp(to)!, payload);
  }
  const bytes = 20 + options.length;
  const head = join(
    Uint8Array.of(0x40 | (bytes / 4), tos),
    u16(bytes + payload.length, 0x1234, fragment),
    Uint8Array.of(64, protocol, 0, 0),
    parseIp(from)!.subarray(12),
    parseIp(to)!.subarray(12),
    options,
  );
  head.set(u16(internetSum(head)), 10);
  return join(head, payload);
}

export const isV6 = (packet: Uint8Array): boolean => packet[0]! >> 4 === 6;
export const ipProtocol = (packet: Uint8Array): number =>
  isV6(packet) ? PROTOCOL.IPV6 : PROTOCOL.IPIP;
const etherType = (packet: Uint8Array): number => (isV6(packet) ? ETHER_IPV6 : ETHER_IPV4);

export const udp = (from: number, to: number, payload: Uint8Array): Bytes =>
  join(u16(from, to, 8 + payload.length, 0), payload);

/** `flags` other than 0: with them, and the words that they announce. */
export const gre = (packet: Uint8Array, flags = 0, words: Uint8Array = new Uint8Array(0)): Bytes =>
  join(u16(flags, etherType(packet)), words, packet);

export interface GueOptions {
  readonly from?: number;
  /** The first byte: version, control, words of fields. */
  readonly first?: number;
  readonly protocol?: number;
  readonly flags?: number;
  readonly fields?: Uint8Array;
}

/** UDP with GUE of version 0. */
export function gue(packet: Uint8Array, port: number, options: GueOptions = {}): Bytes {
  const { from = 0xc123, flags = 0, fields = new Uint8Array(0) } = options;
  const { first = fields.length / 4, protocol = ipProtocol(packet) } = options;
  return udp(from, port, join(Uint8Array.of(first, protocol), u16(flags), fields, packet));
}

/** A frame to the interface that BPF_PROG_TEST_RUN pretends, whose address is all zeros. */
export const frame = (packet: Uint8Array, to: Uint8Array = new Uint8Array(6)): Bytes =>
  join(to, Uint8Array.of(2, 0, 0, 0, 0, 9), u16(etherType(packet)), packet);
