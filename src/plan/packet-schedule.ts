import { HASH_KIND, POOL_LIMIT, PROGRAM, SCHEDULE_LIMIT } from "./director-numbers.ts";

/**
 * How the director's programs in the kernel and user space speak of scheduling. Numbers that both
 * have are declared in src/director/bpf/weir.h.
 */

/** How a packet that begins a connection finds its server. */
export const PACKET_PROGRAM = PROGRAM;

/** What of a packet is hashed, and how (src/balance/packet-hash.ts has each of them). */
export const PACKET_HASH = HASH_KIND;

export type PacketHash = (typeof PACKET_HASH)[keyof typeof PACKET_HASH];

/** Bits of a hash schedule's flags. */
export const PACKET_FLAG = Object.freeze({
  /** A packet whose server takes nothing new goes on to another; else it has none. */
  FALLBACK: 1,
});

/** Table entry that belongs to nobody; a pool is smaller than this. */
export const PACKET_NOBODY = POOL_LIMIT.NOBODY;

/** Entries of a table of turns at most; weights are made smaller until they fit. */
export const PACKET_TURNS_MOST = 65_536;

/** Entries that are looked at when the first ones are of servers that take nothing new. */
export const PACKET_PROBES = SCHEDULE_LIMIT.PROBES;

/** The same for the hashes of IPVS that fall back. */
export const PACKET_PROBES_IPVS = SCHEDULE_LIMIT.PROBES_IPVS;

/** Where our own hashes begin. */
export const PACKET_SEED = SCHEDULE_LIMIT.SEED;

/** Memory of LBLC and LBLCR: buckets, entries of a bucket, servers of an entry (LBLCR). */
export const PACKET_MEMORY = Object.freeze({ BUCKETS: 1024, WAYS: 16, SET: SCHEDULE_LIMIT.SET });

/** An entry unused for so long is forgotten; a set unchanged for so long loses a server. */
export const PACKET_MEMORY_MS = 86_400_000;
