import { checksum, crc32c, PROTO, pseudoHeader, u16 } from "./packet.ts";

/*
 * Says what is wrong with a frame: every length and every sum is computed anew, also of packets in
 * tunnels and of those that ICMP errors quote.
 */

const word = (bytes: Uint8Array, at: number): number => bytes[at]! * 256 + bytes[at + 1]!;

/** Everything wrong with a frame, by its place; nothing when it is right. */
export function frameFaults(frame: Uint8Array): string[] {
  const type = word(frame, 12);
  const packet = frame.subarray(14);
  if (type !== 0x0800 && type !== 0x86dd) return [`type ${type.toString(16)}`];
  const version = packet[0]! >> 4;
  if (version !== (type === 0x0800 ? 4 : 6)) return [`version ${version} in a frame of ${type}`];
  return packetFaults(packet, "");
}

/** `quoted`: an ICMP error may hold only the beginning of it. */
function packetFaults(packet: Uint8Array, place: string, quoted = false): string[] {
  if (packet[0]! >> 4 === 4) return faults4(packet, `${place}IPv4`, quoted);
  if (packet[0]! >> 4 === 6) return faults6(packet, `${place}IPv6`, quoted);
  return [`${place}: no IP`];
}

function faults4(packet: Uint8Array, place: string, quoted: boolean): string[] {
  const faults: string[] = [];
  const header = (packet[0]! & 15) * 4;
  const length = word(packet, 2);
  if (length < header || (!quoted && length > packet.length)) faults.push(`${place}: length`);
  if (checksum(packet.subarray(0, header)) !== 0) faults.push(`${place}: sum`);
  const isPart = (word(packet, 6) & 0x3fff) !== 0;
  const isWhole = !isPart && length <= packet.length;
  const payload = packet.subarray(header, Math.min(length, packet.length));
  const ends = [packet.subarray(12, 16), packet.subarray(16, 20)] as const;
  return isWhole ? [...faults, ...carriedFaults(packet[9]!, payload, ends, place)] : faults;
}

function faults6(packet: Uint8Array, place: string, quoted: boolean): string[] {
  const length = 40 + word(packet, 4);
  if (!quoted && length > packet.length) return [`${place}: length`];
  let next = packet[6]!;
  let at = 40;
  const extensions: ReadonlySet<number> = new Set([
    PROTO.hopByHop,
    PROTO.routing,
    PROTO.destinationOptions,
  ]);
  for (;;) {
    if (next === PROTO.fragment) {
      if ((word(packet, at + 2) & 0xfff9) !== 0) return [];
      next = packet[at]!;
      at += 8;
    } else if (extensions.has(next)) {
      next = packet[at]!;
      at += (packet[at + 1]! + 1) * 8;
    } else {
      break;
    }
  }
  if (length > packet.length) return [];
  const ends = [packet.subarray(8, 24), packet.subarray(24, 40)] as const;
  return carriedFaults(next, packet.subarray(at, length), ends, place);
}

function carriedFaults(
  protocol: number,
  bytes: Uint8Array,
  ends: readonly [Uint8Array, Uint8Array],
  place: string,
): string[] {
  const pseudo = pseudoHeader(...ends, protocol, bytes.length);
  const isSummed = checksum(pseudo, bytes) === 0;
  switch (protocol) {
    case PROTO.tcp:
      return isSummed ? [] : [`${place} TCP: sum`];
    case PROTO.udp:
      return udpFaults(bytes, isSummed, `${place} UDP`);
    case PROTO.sctp:
      return sctpFaults(bytes, `${place} SCTP`);
    case PROTO.icmp:
      return icmpFaults(bytes, checksum(bytes) === 0, `${place} ICMP`);
    case PROTO.icmp6:
      return icmpFaults(bytes, isSummed, `${place} ICMPv6`);
    case PROTO.ipip:
    case PROTO.ipv6:
      return packetFaults(bytes, `${place} > `);
    case PROTO.gre:
      return packetFaults(bytes.subarray(4), `${place} GRE > `);
  }
  return [];
}

function udpFaults(bytes: Uint8Array, isSummed: boolean, place: string): string[] {
  const faults = word(bytes, 4) === bytes.length ? [] : [`${place}: length`];
  if (word(bytes, 6) !== 0 && !isSummed) faults.push(`${place}: sum`);
  const inner = bytes.subarray(12);
  const isGue = word(bytes, 2) === 6080;
  return isGue ? [...faults, ...packetFaults(inner, `${place} GUE > `)] : faults;
}

function sctpFaults(bytes: Uint8Array, place: string): string[] {
  const zeroed = Uint8Array.from(bytes);
  zeroed.fill(0, 8, 12);
  const stands = new DataView(bytes.buffer, bytes.byteOffset).getUint32(8, true);
  return crc32c(zeroed) === stands ? [] : [`${place}: sum`];
}

function icmpFaults(bytes: Uint8Array, isSummed: boolean, place: string): string[] {
  const faults = isSummed ? [] : [`${place}: sum`];
  const isVersion6 = place.endsWith("v6");
  const isError = isVersion6 ? bytes[0]! < 128 : [3, 4, 11, 12].includes(bytes[0]!);
  return isError ? [...faults, ...packetFaults(bytes.subarray(8), `${place} > `, true)] : faults;
}

/**
 * What the kernel writes where a transport's sum is still owed: over all from the transport's
 * header on, whatever stands in the sum's place. For packets whose words were settled it is what is
 * there.
 */
export function owedSum(frame: Uint8Array, transport: number, at: number): Uint8Array {
  const copy = Uint8Array.from(frame);
  copy.set(u16(checksum(copy.subarray(transport)) || 0xffff), transport + at);
  return copy;
}
