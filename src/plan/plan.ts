import type { ProtocolName } from "#base/protocol.ts";
/**
 * The Plan: what a configuration compiles to. Plain immutable data that can cross a thread
 * (structured clone), the only thing the planes read. Indices point into the Plan's own arrays;
 * slots point into the Board and keep their meaning from one Plan to the next.
 */

/** A registry member chosen by name, with its options read and defaulted. */
export interface Chosen {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
}

export interface EnginePlan {
  readonly threads: number;
  readonly driver: "auto" | "io_uring" | "epoll";
  readonly maxConnections: number;
  /** Bytes of a worker's arena that may be used for buffers and pages. */
  readonly memoryBytes: number;
  readonly maxHeadBytes: number;
  readonly maxHeaders: number;
  readonly maxUriBytes: number;
  /** From a graceful stop until the drain begins: connections are still accepted. */
  readonly shutdownDelayMs: number;
  readonly drainMs: number;
  readonly limits: {
    readonly frontends: number;
    readonly backends: number;
    readonly servers: number;
    readonly services: number;
  };
  readonly user: string | undefined;
}

/** One address a frontend listens on. `key` names the listening socket across reloads. */
export interface BindPlan {
  readonly key: string;
  readonly address: import("#base/address.ts").Address;
  readonly backlog: number;
  readonly v6Only: boolean;
  /** Octal mode of a Unix socket's file, or undefined. */
  readonly mode: number | undefined;
}

export interface FrontendTimeouts {
  /** For the whole request head, from its first byte (or from accept). */
  readonly requestMs: number;
  /** Between two requests on one connection. */
  readonly keepAliveMs: number;
  /** Longest silence of the client while a body or an answer is on its way. */
  readonly clientMs: number;
}

export interface ForwardedPlan {
  readonly xForwardedFor: boolean;
  readonly xForwardedProto: boolean;
  readonly xForwardedHost: boolean;
  readonly forwarded: boolean;
  /** Pseudonym for Via, or undefined for none. */
  readonly via: string | undefined;
  /**
   * Peers whose own X-Forwarded-* and Forwarded are believed and extended; others' are replaced.
   */
  readonly trusted: readonly import("#base/ip.ts").Network[];
}

/** `when` is a conjunction; a condition may be negated. `actions` run in order. */
export interface RulePlan {
  readonly name: string;
  readonly when: readonly ConditionPlan[];
  readonly actions: readonly Chosen[];
}

export interface ConditionPlan {
  readonly not: boolean;
  readonly match: Chosen;
}

export interface LogPlan {
  readonly format: "httplog" | "combined" | "json" | "none";
  /** `stdout`, `stderr` or an absolute path. */
  readonly target: string;
}

export interface FrontendPlan {
  readonly name: string;
  readonly slot: number;
  readonly mode: "http" | "tcp";
  readonly binds: readonly BindPlan[];
  readonly maxConnections: number;
  /** Number.MAX_SAFE_INTEGER = no limit. */
  readonly maxBodyBytes: number;
  readonly timeouts: FrontendTimeouts;
  readonly forwarded: ForwardedPlan;
  readonly rules: readonly RulePlan[];
  /** Index into Plan.backends, or -1. */
  readonly defaultBackend: number;
  /** Index into Plan.logs, or -1. */
  readonly log: number;
  /** Status → whole body to send instead of ours. */
  readonly errorPages: Readonly<Record<number, { readonly type: string; readonly body: string }>>;
}

export interface CookiePlan {
  readonly name: string;
  readonly mode: "insert" | "prefix" | "rewrite";
  /** Hide the cookie from the server (insert only). */
  readonly indirect: boolean;
  /** Add `Cache-Control: private` when the cookie is set. */
  readonly nocache: boolean;
  readonly httpOnly: boolean;
  readonly secure: boolean;
  readonly sameSite: "strict" | "lax" | "none" | undefined;
  readonly path: string;
  readonly domain: string | undefined;
  readonly maxAgeMs: number | undefined;
}

export interface CheckPlan {
  readonly type: Chosen;
  readonly rise: number;
  readonly fall: number;
  readonly interMs: number;
  /** In a transition or while unknown. */
  readonly fastInterMs: number;
  /** While down. */
  readonly downInterMs: number;
  readonly timeoutMs: number;
  /** Share of the interval by which a check may come earlier or later. */
  readonly jitter: number;
  readonly port: number | undefined;
  /** Service whose way to its servers the check takes. */
  readonly via: string | undefined;
  /** Address that it finds there; undefined: the service's first. */
  readonly vip: string | undefined;
  /** Passive observation: this many failed requests in a row mark the server down; 0 = off. */
  readonly observeFailures: number;
  /** An ejected server without an active check comes back after this long. */
  readonly ejectMs: number;
}

export interface BackendTimeouts {
  readonly connectMs: number;
  /** Longest silence of the server. */
  readonly serverMs: number;
  readonly queueMs: number;
  /** Longest silence of both sides of an upgraded connection. */
  readonly tunnelMs: number;
}

export interface ServerPlan {
  readonly name: string;
  readonly slot: number;
  readonly address: import("#base/address.ts").Address;
  readonly weight: number;
  /** Requests of frontends, connections of services; 0 = no limit. */
  readonly maxConnections: number;
  /** Behind a service: overload ends below this many connections; 0 = there is no limit. */
  readonly minConnections: number;
  readonly backup: boolean;
  readonly slowStartMs: number;
  /** Value that the persistence cookie carries for this server. */
  readonly cookie: string;
  /** Administrative state at first start. */
  readonly admin: "ready" | "drain" | "maint";
  readonly checkAddress: import("#base/address.ts").Address | undefined;
  readonly agentPort: number | undefined;
  /** How packets of services get to it, where it is not as the service says. */
  readonly method?: ForwardingMethod | undefined;
  readonly tunnel?: TunnelPlan | undefined;
}

export interface BackendPlan {
  readonly name: string;
  readonly slot: number;
  readonly mode: "http" | "tcp";
  readonly balance: Chosen;
  readonly check: CheckPlan | undefined;
  readonly agent: CheckPlan | undefined;
  readonly servers: readonly ServerPlan[];
  readonly cookie: CookiePlan | undefined;
  readonly timeouts: BackendTimeouts;
  readonly retries: number;
  /** Whether a retry, or a session stuck to a dead server, may go to another server. */
  readonly redispatch: boolean;
  readonly retryOn: readonly ("connect" | "empty" | "timeout" | "502" | "503" | "504")[];
  readonly queueLimit: number;
  readonly reuse: "never" | "safe" | "always";
  /** Idle connections kept for each server and thread. */
  readonly idleLimit: number;
  readonly idleMs: number;
  /** End sessions at once when their server goes down. */
  readonly killOnDown: boolean;
  /** Use every backup server when no other is usable, not only the first. Absent: no. */
  readonly allBackups?: boolean;
  /** Number.MAX_SAFE_INTEGER as holdMs = for ever. */
  readonly resolve: { readonly intervalMs: number; readonly holdMs: number };
}

/** How the director takes packets: one per machine. */
export interface DirectorPlan {
  /** Where packets come in, from clients and (nat, fullnat) from servers. */
  readonly interfaces: readonly string[];
  readonly hook: "auto" | "tcx" | "clsact";
  /** Entries of the connection table. As it was at start: a reload does not change it. */
  readonly connections: number;
  /** New flows that are tracked in a second, for each CPU; 0 = no limit. */
  readonly newFlowsPerSecond: number;
  /** Our own addresses towards servers (fullnat), in their shortest form, each once. */
  readonly localAddresses: readonly string[];
  /** Which of their ports: "auto" leaves out what the kernel gives to this machine's sockets. */
  readonly localPorts: "auto" | "all";
  /** Name of the folder in /sys/fs/bpf. As it was at start. */
  readonly pins: string;
  readonly timeouts: { readonly tcpMs: number; readonly tcpFinMs: number; readonly udpMs: number };
  readonly sloppyTcp: boolean;
  readonly sloppySctp: boolean;
  readonly expireNodest: boolean;
  readonly expireQuiescentTemplate: boolean;
  /** As in net.ipv4.vs.conn_reuse_mode: not 0 = in TIME_WAIT, bit 2 = also in FIN_WAIT (dr). */
  readonly connReuse: number;
  /** TCP by the table of states for attacks. */
  readonly secureTcp: DropMode;
  readonly dropEntry: DropMode;
  readonly dropPacket: DropMode;
  /** With `dropPacket` "always" one packet in so many that would begin a connection is dropped. */
  readonly amDropRate: number;
  /** Packets of known flows are taken in the driver, where that is to be had. */
  readonly xdp: boolean;
  /** How other directors are told of connections; undefined: they are not. */
  readonly sync: SyncPlan | undefined;
}

/** Connections are told in the messages of IPVS's sync daemon. */
export interface SyncPlan {
  readonly interface: string;
  /** 0 to 255; 0 hears all. */
  readonly id: number;
  readonly role: SyncRole;
  /** Multicast address in its shortest form, for when there are no `peers`. */
  readonly group: string;
  readonly port: number;
  readonly ttl: number;
  /** Addresses of one family, in their shortest form. */
  readonly peers: readonly string[];
  /** 0 = half a connection's timeout. */
  readonly refreshMs: number;
  readonly templatesOnly: boolean;
  /** Connections a second. */
  readonly pace: number;
  /** 0 = by the interface. */
  readonly maxBytes: number;
}

export type SyncRole = "both" | "master" | "backup";

export type DropMode = "off" | "auto" | "always";

/** What a service takes packets for. Every port is 1 to 65535. */
export interface ServiceBind {
  /** IP address in its shortest form; IPv6 is what has a colon. */
  readonly host: string;
  readonly firstPort: number;
  readonly lastPort: number;
}

export type ForwardingMethod = "nat" | "dr" | "tun" | "fullnat" | "local" | "bypass";

export interface TunnelPlan {
  readonly type: "ipip" | "gue" | "gre";
  /** UDP port of gue, else 0. */
  readonly port: number;
}

/** What of a service stays with a server. */
export interface PersistencePlan {
  /** A client, or a call of SIP. */
  readonly by: "address" | "call-id";
  readonly timeoutMs: number;
  /** Bits of a client's address that make it one client, by family; 0 = all are one. */
  readonly prefix4: number;
  readonly prefix6: number;
}

/** A virtual service of the director: either `binds` or a `mark`. */
export interface ServicePlan {
  readonly name: string;
  readonly slot: number;
  /** Each once, at least one. */
  readonly protocols: readonly ProtocolName[];
  /** Empty where there is a mark. No two services overlap in address, port and protocol. */
  readonly binds: readonly ServiceBind[];
  /** Firewall mark, 0 = none. Unique for each family and protocol. */
  readonly mark: number;
  /** Family of the packets that a mark is looked for on; 0 without a mark. */
  readonly markFamily: 0 | 4 | 6;
  /** Of servers that say nothing else. */
  readonly method: ForwardingMethod;
  /** Index into Plan.backends. */
  readonly backend: number;
  readonly persistence: PersistencePlan | undefined;
  /** UDP only: each packet is scheduled by itself, no connection is kept. */
  readonly onePacket: boolean;
  /** Of its servers that go by tun and say nothing else; undefined = ipip. */
  readonly tunnel: TunnelPlan | undefined;
  /** FULLNAT of TCP alone: servers are told who the client is. */
  readonly passClient: boolean;
  readonly onNoServer: "reject" | "drop" | "bypass";
  readonly onServerRemoved: "drop" | "reset" | "keep";
  /** Tracked connections at once; 0 = no limit. */
  readonly maxConnections: number;
  /** Of those, from one source address; 0 = no limit. */
  readonly maxPerSource: number;
  /** When clients get a SYN cookie; of TCP with method nat or fullnat. */
  readonly synProxy: "off" | "auto" | "always";
}

export interface MonitorPlan {
  /** undefined = off. */
  readonly bind: import("#base/address.ts").Address | undefined;
  readonly admin: string;
}

export interface Plan {
  readonly generation: number;
  readonly engine: EnginePlan;
  readonly frontends: readonly FrontendPlan[];
  readonly backends: readonly BackendPlan[];
  /** undefined = there is no service. */
  readonly director: DirectorPlan | undefined;
  readonly services: readonly ServicePlan[];
  readonly logs: readonly LogPlan[];
  readonly monitor: MonitorPlan;
}
