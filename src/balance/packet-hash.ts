// @hot

import { mix32 } from "#base/hash.ts";
import { isMapped } from "#base/ip.ts";
import {
  PACKET_HASH,
  PACKET_PROBES,
  PACKET_PROBES_IPVS,
  type PacketHash,
} from "#plan/packet-schedule.ts";
import { hsiphash } from "./hsiphash.ts";

/** What a packet that begins a connection says; addresses have 16 bytes, IPv4 mapped. */
export interface PacketFlow {
  readonly source: Uint8Array;
  readonly sport: number;
  readonly destination: Uint8Array;
  readonly dport: number;
  readonly protocol: number;
  /** Monotonic milliseconds. */
  readonly nowMs: number;
}

/** Keys of IPVS's mh: a server's first slot and every lookup take the first, its skip the other. */
const MH_KEY = 2_654_435_761;
const MH_SKIP_KEY = 2_654_446_892;

/** The 32-bit word at `at` in network order. */
function word(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
}

/** An address as one word: IPv4 itself, the four words of IPv6 folded by exclusive or (IPVS). */
export function foldAddress(address: Uint8Array): number {
  if (isMapped(address)) return word(address, 12) >>> 0;
  return (word(address, 0) ^ word(address, 4) ^ word(address, 8) ^ word(address, 12)) >>> 0;
}

/** Goes on with a hash over an address: one word of IPv4, four of IPv6. */
function mixAddress(hash: number, address: Uint8Array): number {
  let h = hash;
  for (let at = isMapped(address) ? 12 : 0; at < 16; at += 4) h = mix32(h ^ word(address, at));
  return h;
}

/** Ours, over all that names a flow: source, destination, both ports, protocol. */
export function flowHash(flow: PacketFlow, seed: number): number {
  const addresses = mixAddress(mixAddress(seed, flow.source), flow.destination);
  return mix32(mix32(addresses ^ ((flow.sport << 16) | flow.dport)) ^ flow.protocol);
}

/** Ours, over one address. */
export function addressHash(address: Uint8Array, seed: number): number {
  return mixAddress(seed, address);
}

/** Ours, over an address and a port. */
export function addressPortHash(address: Uint8Array, port: number, seed: number): number {
  return mix32(mixAddress(seed, address) ^ port);
}

/** Linux's multiplicative hash of a word to its `bits` highest bits (by the golden ratio). */
export function goldenHash(value: number, bits: number): number {
  return Math.imul(value, 0x61c88647) >>> (32 - bits);
}

/**
 * The bucket of IPVS's sh among 256. `value` is the folded address, plus the port where ports
 * count. So newer kernels do it; older ones took the low bits of another product.
 */
export function ipvsSh(value: number, offset: number): number {
  return (goldenHash(value, 8) + offset) & 255;
}

/** The bucket of IPVS's dh among 256, as newer kernels have it. */
export function ipvsDh(value: number): number {
  return goldenHash(value, 8);
}

/** The slot of IPVS's mh in a table of `size`. `value` as for sh, plus an offset when probing. */
export function ipvsMh(value: number, size: number): number {
  return (hsiphash(value, MH_KEY, MH_KEY) >>> 0) % size;
}

/** How far apart the slots are that a server of IPVS's mh asks for. */
export function ipvsMhSkip(value: number, size: number): number {
  return ((hsiphash(value, MH_SKIP_KEY, MH_SKIP_KEY) >>> 0) % (size - 1)) + 1;
}

/** What of a flow is turned into a slot by `slotOf`. */
export function flowValue(hash: PacketHash, flow: PacketFlow, seed: number): number {
  switch (hash) {
    case PACKET_HASH.FLOW:
      return flowHash(flow, seed);
    case PACKET_HASH.SOURCE:
      return addressHash(flow.source, seed);
    case PACKET_HASH.SOURCE_PORT:
      return addressPortHash(flow.source, flow.sport, seed);
    case PACKET_HASH.DESTINATION:
      return addressHash(flow.destination, seed);
    case PACKET_HASH.IPVS_DH:
      return foldAddress(flow.destination);
    case PACKET_HASH.IPVS_SH_PORT:
    case PACKET_HASH.IPVS_MH_PORT:
      return (foldAddress(flow.source) + flow.sport) >>> 0;
    default:
      return foldAddress(flow.source);
  }
}

/** The slot of a value in a table of `size`. */
export function slotOf(hash: PacketHash, value: number, size: number): number {
  switch (hash) {
    case PACKET_HASH.IPVS_SH:
    case PACKET_HASH.IPVS_SH_PORT:
      return ipvsSh(value, 0);
    case PACKET_HASH.IPVS_DH:
      return ipvsDh(value);
    case PACKET_HASH.IPVS_MH:
    case PACKET_HASH.IPVS_MH_PORT:
      return ipvsMh(value, size);
    default:
      return value % size;
  }
}

/**
 * The slot to look at when the first one's server takes nothing new, `step` from 0. IPVS offsets
 * its hashes by `first + step`: with sh these are the buckets from twice the first on, with mh new
 * draws. Ours go on to the next slots.
 */
export function probeSlot(
  hash: PacketHash,
  value: number,
  first: number,
  step: number,
  size: number,
): number {
  switch (hash) {
    case PACKET_HASH.IPVS_SH:
    case PACKET_HASH.IPVS_SH_PORT:
      return ipvsSh(value, first + step);
    case PACKET_HASH.IPVS_DH:
      return (first + 1 + step) & 255;
    case PACKET_HASH.IPVS_MH:
    case PACKET_HASH.IPVS_MH_PORT:
      return ipvsMh(value + ((first + step) % size), size);
    default:
      return (first + 1 + step) % size;
  }
}

/**
 * How many slots are probed: all buckets of IPVS's sh, as many draws of its mh (IPVS itself makes
 * as many as there are slots, each a hash), the few next ones of ours.
 */
export function probesOf(hash: PacketHash, size: number): number {
  return Math.min(size, hash >= PACKET_HASH.IPVS_SH ? PACKET_PROBES_IPVS : PACKET_PROBES);
}
