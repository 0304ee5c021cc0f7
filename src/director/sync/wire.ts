/*
 * The messages of IPVS's sync daemon, version 1, as net/netfilter/ipvs/ip_vs_sync.c of Linux
 * describes them. Numbers are in network order; a message is one datagram of UDP.
 *
 *   message  0 │ 0 (1) │ sync id (1) │ size of all (2) │ entries (1) │ version 1 (1) │ 0 (2) │
 *   entry    0 │ type (1): 1 = IPv6 │ protocol (1) │ version 0 (4 bits), size (12 bits) │
 *            4 │ flags (4) │
 *            8 │ state (2) │ client's port (2) │ service's port (2) │ server's port (2) │
 *           16 │ firewall mark (4) │ timeout in seconds (4) │
 *           24 │ addresses of client, service, server: 4 or 16 bytes each │ options │
 *   option     │ type (1) │ length (1) │ that many bytes │
 *
 * Every entry begins at a multiple of 4; its size does not count the bytes that fill up.
 */

export const MESSAGE = {
  SYNC_ID: 1,
  SIZE: 2,
  COUNT: 4,
  VERSION: 5,
  SPARE: 6,
  BYTES: 8,
} as const;

export const ENTRY = {
  TYPE: 0,
  PROTOCOL: 1,
  VERSION_SIZE: 2,
  FLAGS: 4,
  STATE: 8,
  CLIENT_PORT: 10,
  SERVICE_PORT: 12,
  SERVER_PORT: 14,
  MARK: 16,
  TIMEOUT: 20,
  ADDRESSES: 24,
} as const;

export const PROTOCOL_VERSION = 1;
/** Entries of a message at most: their number is a byte. */
export const ENTRIES_MAX = 255;
export const ENTRY_SIZE_MASK = 0x0fff;
export const TYPE_IPV6 = 1;

export const OPTION = { SEQUENCES: 1, ENGINE_DATA: 2, ENGINE_NAME: 3 } as const;
/** With this bit, who does not know an option may pass it over. */
export const OPTION_MAY_BE_PASSED = 0x40;
/** Two times three numbers of 4 bytes. */
export const SEQUENCES_BYTES = 24;
export const ENGINE_DATA_MAX = 255;
export const ENGINE_NAME_MAX = 16;

/** Flags of a connection (include/uapi/linux/ip_vs.h), as far as they travel. */
export const WIRE_FLAG = {
  /** Of these bits the forwarding method is made. */
  METHOD_MASK: 0x0007,
  NAT: 0,
  LOCAL: 1,
  TUN: 2,
  DR: 3,
  BYPASS: 4,
  /** Packets of servers do not come this way. */
  NO_OUTPUT: 0x0080,
  INACTIVE: 0x0100,
  /** Sequence numbers are changed, one way or the other. */
  SEQUENCES: 0x0600,
  /** The client's port is not known yet. */
  NO_CLIENT_PORT: 0x0800,
  TEMPLATE: 0x1000,
  ONE_PACKET: 0x2000,
} as const;

/** How numbers of TCP differ: from `initial` on by `delta`, before that by `previousDelta`. */
export interface SequenceShift {
  readonly initial: number;
  readonly delta: number;
  readonly previousDelta: number;
}

/** A persistence engine's part: what a template stands for, besides an address. */
export interface EnginePart {
  readonly name: string;
  /** 1 to 255 bytes. */
  readonly data: Uint8Array;
}

/** A connection or template as it travels. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d. */
export interface SyncEntry {
  readonly family: 4 | 6;
  readonly protocol: number;
  /** WIRE_FLAGs together. */
  readonly flags: number;
  readonly state: number;
  readonly client: Uint8Array;
  readonly clientPort: number;
  readonly service: Uint8Array;
  readonly servicePort: number;
  readonly server: Uint8Array;
  readonly serverPort: number;
  /** 0 = none. */
  readonly mark: number;
  readonly timeoutSeconds: number;
  readonly sequences?: { readonly in: SequenceShift; readonly out: SequenceShift };
  readonly engine?: EnginePart;
}
