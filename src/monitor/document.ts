import type { ConnectionView, DirectorTable, TracedPacket } from "#control/api.ts";
import type { Quantiles } from "./latency.ts";

/**
 * What `GET /api/v1/status` answers, the page shows and the CLI prints. Times are in milliseconds,
 * points in time wall-clock milliseconds, rates per second over the last second unless they say
 * otherwise. Only ever add to it: other people's scripts read it.
 */
export interface StatusDocument {
  readonly version: string;
  /** Wall-clock milliseconds of this reading. */
  readonly at: number;
  readonly engine: EngineDocument;
  readonly workers: readonly WorkerDocument[];
  readonly traffic: TrafficDocument;
  readonly frontends: readonly FrontendDocument[];
  readonly backends: readonly BackendDocument[];
  /** Layer 4; null when there is no service. */
  readonly director: DirectorDocument | null;
}

export interface EngineDocument {
  readonly state: "starting" | "running" | "draining";
  readonly pid: number;
  readonly supervisorPid: number;
  readonly startedAt: number;
  /** Since the supervisor started its first engine. */
  readonly uptimeMs: number;
  readonly generation: number;
  readonly configFiles: readonly string[];
  readonly reload: {
    /** False: the last reload was refused, and the configuration before it is in force. */
    readonly ok: boolean;
    readonly at: number | null;
    readonly message: string;
    readonly faults: number;
    readonly done: number;
    readonly refused: number;
  };
}

export interface WorkerDocument {
  readonly index: number;
  readonly state: string;
  readonly driver: string;
  readonly reason: string;
  readonly starts: number;
  /** Turns of its loop, free-running: one that stands still hangs. */
  readonly beat: number;
  readonly connections: number;
  readonly upstreams: number;
  readonly requests: number;
  readonly logDropped: number;
}

export interface TrafficDocument {
  readonly requestsPerSecond: number;
  readonly requestsPerSecondMinute: number;
  readonly requestsPerSecondPeak: number;
  readonly connectionsPerSecond: number;
  readonly inFlight: number;
  readonly connections: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
  /** 5xx among all answers, 0 … 1; null without requests. */
  readonly errorShare: number | null;
  readonly errorShareMinute: number | null;
  readonly requests: number;
  readonly latency: Quantiles;
  readonly latencyMinute: Quantiles;
}

/** Answers by class since the start, and the failing ones a second. */
export interface AnswersDocument {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
  readonly status: { readonly [K in "1xx" | "2xx" | "3xx" | "4xx" | "5xx"]: number };
  readonly clientErrorsPerSecond: number;
  readonly serverErrorsPerSecond: number;
}

export interface FrontendDocument extends AnswersDocument {
  readonly name: string;
  readonly state: "open" | "paused";
  readonly binds: readonly string[];
  readonly connections: number;
  readonly maxConnections: number;
  readonly connectionsTotal: number;
  readonly connectionsPerSecond: number;
  readonly refused: number;
  readonly denied: number;
  readonly malformed: number;
  readonly timeouts: number;
  readonly aborts: number;
  /** Whole requests, of the last minute. */
  readonly latency: Quantiles;
}

export interface BackendDocument extends AnswersDocument {
  readonly name: string;
  readonly balance: string;
  readonly usable: number;
  readonly active: number;
  readonly queued: number;
  readonly queueLimit: number;
  readonly retries: number;
  readonly redispatches: number;
  readonly connectErrors: number;
  readonly responseErrors: number;
  /** Until the first byte of the answer, of the last minute. */
  readonly latency: Quantiles;
  readonly servers: readonly ServerDocument[];
}

/** One word for how a server is; the three facts behind it stand beside it. */
export type ServerWord = "up" | "down" | "drain" | "maint" | "unknown" | "warming";

export interface ServerDocument extends AnswersDocument {
  readonly name: string;
  /** Where it takes requests; as configured while its name is not resolved. */
  readonly address: string;
  readonly backup: boolean;
  readonly state: ServerWord;
  readonly admin: "ready" | "drain" | "maint";
  readonly health: "unknown" | "up" | "down";
  readonly weight: number;
  /**
   * What the scheduler uses: less than `weight` while it warms up, 0 when it takes no new requests.
   */
  readonly effectiveWeight: number;
  readonly active: number;
  readonly queued: number;
  readonly idle: number;
  /** 0 = no limit. */
  readonly maxConnections: number;
  /** Mean time to the first byte over the last second; null without requests. */
  readonly responseMs: number | null;
  readonly connectErrors: number;
  readonly responseErrors: number;
  readonly retries: number;
  readonly check: {
    readonly ok: boolean | null;
    /** `L7STS`, as HAProxy names it. */
    readonly code: string;
    /** In words: "status 503 in 12 ms, 2 in a row". */
    readonly text: string;
    readonly durationMs: number;
    readonly streak: number;
  };
  /** Why it is as it is. */
  readonly reason: string;
  /** How long its health has been as it is. */
  readonly healthMs: number;
  readonly downs: number;
  readonly downMs: number;
}

/** In short; `GET /api/v1/director` has all of it. */
export interface DirectorDocument {
  /** Why packets are not taken, or not on every interface; empty when all is well. */
  readonly problem: string;
  /** Where XDP is wanted and not at work, and why; empty when all is well. */
  readonly xdp: string;
  readonly interfaces: readonly TakingDocument[];
  /** What is wrong with the connection table: its size, or that it is nearly full; else empty. */
  readonly table: string;
  /** Its folder in /sys/fs/bpf. */
  readonly pins: string;
  readonly connections: number;
  /** Entries of the connection table. */
  readonly size: number;
  readonly services: readonly ServiceDocument[];
}

/** An interface whose packets should be taken. */
export interface TakingDocument {
  readonly device: string;
  /** Where in the kernel: `tcx`, `clsact`; empty when they are not taken. */
  readonly hook: string;
  /** XDP takes what it can, in the driver (native). */
  readonly xdp: boolean;
}

export interface ServiceDocument extends ServiceRates {
  readonly name: string;
  /** `tcp 10.0.0.1:80`, `mark 7`. */
  readonly addresses: readonly string[];
  /** How packets get to its servers: `dr`, `nat+dr`. */
  readonly method: string;
  readonly backend: string;
  readonly scheduler: string;
  readonly servers: number;
  /** Servers that take new connections. */
  readonly usable: number;
  readonly active: number;
  readonly inactive: number;
  /** Since the director was put into the kernel. */
  readonly connections: number;
  /** The servers, in the order of the configuration. */
  readonly members: readonly MemberDocument[];
}

/** Means over some 8 s. */
interface ServiceRates {
  readonly connectionsPerSecond: number;
  readonly packetsInPerSecond: number;
  readonly packetsOutPerSecond: number;
  readonly bytesInPerSecond: number;
  readonly bytesOutPerSecond: number;
}

/** A server of a service. How it is stands in the backend's list. */
export interface MemberDocument extends ServiceRates {
  readonly name: string;
  /** Empty while its name is not resolved. */
  readonly address: string;
  /** How packets get there. */
  readonly method: string;
  /** What connections are given out by; 0: it takes none. */
  readonly weight: number;
  readonly active: number;
  readonly inactive: number;
}

/** What `GET /api/v1/director/connections` answers. */
export interface ConnectionsDocument {
  readonly connections: readonly ConnectionView[];
  /** False: there are more, or perhaps more. */
  readonly complete: boolean;
}

/** What `GET /api/v1/director/maps` answers. */
export interface TablesDocument {
  readonly tables: readonly DirectorTable[];
}

/** A line of what `GET /api/v1/director/trace` answers. */
export type TraceLine =
  | { readonly packet: TracedPacket }
  /** The last; `leftOut`: packets that should have been shown and were too many. */
  | { readonly end: { readonly why: string; readonly leftOut: number } };
