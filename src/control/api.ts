import type { Cancel, Timers } from "#base/clock.ts";
import type { CodeName } from "#base/errors.ts";
import type {
  ConnectionStatus,
  DirectorStatus,
  ServerStatus,
  ServiceStatus,
} from "#director/status.ts";
import type { TableStatus } from "#director/tables.ts";
import type { TraceEvent } from "#director/trace.ts";
import type { ServerOrder } from "#health/operator.ts";
import type { BackendSnapshot } from "#health/snapshot.ts";
import type { Board } from "#plan/board.ts";
import type { Plan, ServicePlan } from "#plan/plan.ts";
import type { Fault } from "#schema/index.ts";

/**
 * What the engine offers to those who serve people: the admin API, the status page, metrics. They
 * get this object and listening descriptors, and never reach into the engine otherwise.
 */

/** How to end: within engine.drain after engine.shutdownDelay, within 5 s, or at once. */
export type StopMode = "graceful" | "quick" | "now";

export type EngineState = "starting" | "running" | "draining";

/**
 * What came of an action. A refusal carries the code that gives the HTTP status and the exit code.
 */
export type Outcome =
  | { readonly ok: true; readonly message: string }
  | { readonly ok: false; readonly code: CodeName; readonly message: string };

export type Refusal = Extract<Outcome, { readonly ok: false }>;

export interface ReloadResult {
  readonly ok: boolean;
  /** Generation in force afterwards. */
  readonly generation: number;
  /** One sentence. */
  readonly message: string;
  /** Errors when refused; warnings ("needs a restart") also when taken. */
  readonly faults: readonly Fault[];
  /** The faults as `weir check` prints them, without colours. */
  readonly text: string;
  readonly durationMs: number;
}

export interface WorkerStatus {
  /** Row on the Board. */
  readonly index: number;
  readonly state: "starting" | "running" | "draining" | "dead";
  readonly driver: string;
  /** Why this driver. */
  readonly reason: string;
  /** Times it was started in this engine. */
  readonly starts: number;
}

export interface EngineStatus {
  readonly version: string;
  readonly state: EngineState;
  readonly enginePid: number;
  readonly supervisorPid: number;
  /** Wall-clock milliseconds. */
  readonly startedAt: number;
  /** When the first engine of this supervisor began. */
  readonly supervisorStartedAt: number;
  readonly generation: number;
  readonly configFiles: readonly string[];
  readonly workers: readonly WorkerStatus[];
  /** Log lines that could not be written (disk full, slow reader), by target. */
  readonly logErrors: Readonly<Record<string, number>>;
  readonly lastReload: (ReloadResult & { readonly at: number }) | undefined;
}

/** What an operator may say about a server. */
export type ServerChange = ServerOrder;

export interface FrontendChange {
  readonly state?: "open" | "paused";
  readonly maxConnections?: number;
}

/** Something an operator would want to have been told. `at` is wall-clock milliseconds. */
export interface ControlEvent {
  readonly at: number;
  readonly level: "info" | "warning" | "error";
  readonly kind:
    | "engine"
    | "worker"
    | "reload"
    | "server"
    | "frontend"
    | "backend"
    | "log"
    | "director";
  /** `backend/server`, a frontend's or backend's name, a worker's number; empty for the engine. */
  readonly subject: string;
  readonly text: string;
}

/** What the Plan says of a service that its director need not tell. */
type ServiceExtras = Pick<
  ServicePlan,
  "onNoServer" | "onServerRemoved" | "maxConnections" | "maxPerSource" | "synProxy"
>;

/** Layer 4 as it stands: the director, its services, their servers, and a connection it tracks. */
export interface DirectorView extends Omit<DirectorStatus, "services"> {
  readonly services: readonly ServiceView[];
}
export interface ServiceView extends ServiceStatus, ServiceExtras {
  readonly schedulerOptions: Readonly<Record<string, unknown>>;
}
export type ServiceServerView = ServerStatus;
export type ConnectionView = ConnectionStatus;

/** Which packets somebody wants to see, and how long. */
export interface TraceWish {
  /** An address. */
  readonly client: string | undefined;
  /** A service's name, or an address and port that it takes. */
  readonly service: string | undefined;
  /** Packets at most. */
  readonly count: number;
  readonly seconds: number;
}

export type TracedPacket = TraceEvent;

/** Who looks on. */
export interface TraceSink {
  packets(packets: readonly TracedPacket[]): void;
  /** It is over, which is said once. `leftOut`: packets that should have been shown. */
  end(end: { readonly why: string; readonly leftOut: number }): void;
}

/** Begins; cancelling it says nothing to the sink. */
export type StartTrace = (sink: TraceSink) => Cancel;

/** A table of the director in the kernel. */
export type DirectorTable = TableStatus;

export interface ControlApi {
  readonly board: Board;
  readonly timers: Timers;
  /** The Plan in force. */
  plan(): Plan;
  status(): EngineStatus;
  /** Every backend of the Plan in its order, with its servers' states and last checks in words. */
  health(): readonly BackendSnapshot[];
  /** Layer 4 as it stands now; undefined when there is no service. */
  director(): DirectorView | undefined;
  /** At most so many of the director's connections, and templates of persistence behind them. */
  connections(limit: number, onlyTemplates: boolean): readonly ConnectionView[];
  /** The director's tables; none when it is not in the kernel. */
  tables(): readonly DirectorTable[];
  /** Has other directors told of all connections. */
  tellConnections(): Outcome;
  /** Has the director tell what becomes of packets; only one may ask at a time. */
  trace(wish: TraceWish): StartTrace | Refusal;
  /**
   * Reads the configuration again; serialised, and calls that come while one waits share its
   * result.
   */
  reload(): Promise<ReloadResult>;
  /** Starts a new engine on the same sockets and drains this one. */
  upgrade(): Promise<Outcome>;
  /**
   * Returns at once; progress is in the events and in `status().state`. `drainMs` instead of
   * engine.drain.
   */
  stop(mode: StopMode, drainMs?: number): void;
  setServer(backend: string, server: string, change: ServerChange): Outcome;
  setFrontend(frontend: string, change: FrontendChange): Outcome;
  /** Last events, oldest first. */
  events(): readonly ControlEvent[];
  /** Every event from now on, until cancelled. The listener must not throw. */
  subscribe(listener: (event: ControlEvent) => void): Cancel;
}

/**
 * Listening sockets of this process, handed over for good: Node cannot serve a descriptor without
 * owning it. The monitor closes one when `update` no longer names it, and all of them at `close`.
 */
export interface MonitorListeners {
  /** The admin socket. */
  readonly admin: number;
  /** The status page (monitor.bind), undefined when off. */
  readonly page: number | undefined;
}

/** The HTTP servers of one engine. */
export interface MonitorServer {
  /** After a reload: listeners may have changed, and the Plan. */
  update(listeners: MonitorListeners): void;
  /** Stops accepting at once; answers under way may end, but not take long. */
  close(): Promise<void>;
}

/** How the engine starts them; given by bin/, because control must not import monitor. */
export type StartMonitor = (api: ControlApi, listeners: MonitorListeners) => Promise<MonitorServer>;
