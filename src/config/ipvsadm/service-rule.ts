/*
 * Services and servers as rules of ipvsadm have them.
 */

/** What a service takes. */
export type What =
  | { readonly kind: "tcp" | "udp" | "sctp"; readonly host: string; readonly port: number }
  | { readonly kind: "mark"; readonly mark: number };

export interface PersistenceRule {
  readonly seconds: number;
  /** Of an address that make it one client; 0 = all are. */
  readonly bits: number;
  /** `--pe sip`: of calls. */
  readonly isByCall: boolean;
}

/** A virtual service with its servers, as lines have made it so far. */
export interface ServiceRule {
  /** Where it was added. */
  readonly line: number;
  readonly what: What;
  readonly family: 4 | 6;
  readonly servers: Map<string, ServerRule>;
  scheduler: string;
  flags: readonly string[];
  persistence: PersistenceRule | undefined;
  onePacket: boolean;
}

export interface TunnelRule {
  readonly type: "ipip" | "gue" | "gre";
  /** undefined = as it is by default. */
  readonly port: number | undefined;
}

/** A server of a virtual service. */
export interface ServerRule {
  /** Address and port. */
  readonly key: string;
  readonly line: number;
  readonly host: string;
  readonly port: number;
  readonly method: "nat" | "dr" | "tun";
  readonly tunnel: TunnelRule;
  readonly weight: number;
  /** 0 = none. */
  readonly upper: number;
  readonly lower: number;
}
