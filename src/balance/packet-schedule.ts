import type { PacketHash } from "#plan/packet-schedule.ts";

/** A server as schedules of packets see it. */
export interface PacketServer {
  /** Stable identity (hash of the server's name), as Pool.identity. */
  readonly identity: number;
  /** Whole effective weight; 0 = it takes nothing new. */
  readonly weight: number;
  /** The last weight that was not 0, or 0 (mh keeps its table by it). */
  readonly lastWeight: number;
  /** 16 bytes, IPv4 mapped. */
  readonly address: Uint8Array;
  readonly port: number;
}

/**
 * How the director does in the kernel what a scheduler does for requests. Tables hold positions in
 * the list of servers; PACKET_NOBODY is nobody. src/balance/packet-twin.ts says in full what the
 * kernel's programs do with them.
 */
export type PacketSchedule =
  /** A table taken in turn by a counter. */
  | { readonly kind: "turns"; table(servers: readonly PacketServer[]): Uint16Array }
  /** A table indexed by a hash of the packet; `flags` of PACKET_FLAG. */
  | {
      readonly kind: "hash";
      readonly hash: PacketHash;
      readonly flags: number;
      table(servers: readonly PacketServer[]): Uint16Array;
    }
  /** The kernel compares the servers, by configuration order; `program` of PACKET_PROGRAM. */
  | { readonly kind: "walk"; readonly program: number };
