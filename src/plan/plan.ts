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
  /** 0 = no limit. */
  readonly maxConnections: number;
  readonly backup: boolean;
  readonly slowStartMs: number;
  /** Value that the persistence cookie carries for this server. */
  readonly cookie: string;
  /** Administrative state at first start. */
  readonly admin: "ready" | "drain" | "maint";
  readonly checkAddress: import("#base/address.ts").Address | undefined;
  readonly agentPort: number | undefined;
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
  readonly logs: readonly LogPlan[];
  readonly monitor: MonitorPlan;
}
