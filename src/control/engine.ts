import type { Cancel, Timers } from "#base/clock.ts";
import { WeirError } from "#base/errors.ts";
import { VERSION } from "#base/version.ts";
import { describeEvent } from "#health/events.ts";
import type { Health } from "#health/health.ts";
import type { BackendSnapshot } from "#health/snapshot.ts";
import { type Board, FRONTEND, GLOBAL } from "#plan/board.ts";
import { forgetWorkers } from "#plan/gauges.ts";
import type { Plan } from "#plan/plan.ts";
import type {
  ConnectionView,
  ControlApi,
  ControlEvent,
  DirectorTable,
  DirectorView,
  EngineState,
  EngineStatus,
  FrontendChange,
  MonitorListeners,
  MonitorServer,
  Outcome,
  Refusal,
  ReloadResult,
  ServerChange,
  StartMonitor,
  StartTrace,
  StopMode,
  TraceWish,
} from "./api.ts";
import { type Configuration, refusal } from "./configuration.ts";
import type { DirectorPlace } from "./director-place.ts";
import { driverSayings } from "./driver-saying.ts";
import { adminKey, type EngineListeners, pageKey } from "./engine-listeners.ts";
import type { EventHub } from "./events.ts";
import { faultSaying } from "./fault-saying.ts";
import type { LogDrain } from "./log-drain.ts";
import type { DrainOrder, EngineStart } from "./protocol.ts";
import { Serial } from "./serial.ts";
import { Shutdown } from "./shutdown.ts";
import type { SupervisorLink } from "./supervisor-link.ts";
import type { Workers } from "./workers.ts";

/** Everything an engine is made of, put together by start-engine.ts. */
export interface EngineParts {
  readonly timers: Timers;
  readonly link: SupervisorLink;
  readonly start: EngineStart;
  readonly board: Board;
  readonly configuration: Configuration;
  readonly health: Health;
  readonly director: DirectorPlace;
  readonly listeners: EngineListeners;
  readonly workers: Workers;
  readonly logs: LogDrain;
  readonly events: EventHub;
  exit(code: number): void;
}

const BEAT_MS = 1000;
/**
 * Worker threads that died, each leaving some memory behind, after which a fresh process is better.
 */
const DEATHS_MAX = 16;

/**
 * The control thread of a running engine: answers for the state of things, obeys orders, and ends.
 */
export class Engine implements ControlApi {
  readonly board: Board;
  readonly timers: Timers;
  readonly #parts: EngineParts;
  readonly #reloads = new Serial(() => this.#reloadNow());
  readonly #startedAt: number;
  #monitor: MonitorServer | undefined;
  #state: EngineState = "starting";
  #lastReload: (ReloadResult & { at: number }) | undefined;
  #deaths = 0;
  #shutdown: Shutdown | undefined;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.board = parts.board;
    this.timers = parts.timers;
    this.#startedAt = parts.timers.wallMs();
    this.#passOnHealthEvents();
  }

  /**
   * Brings everything up; resolves when requests are served. Rejects when a worker cannot start.
   */
  async open(loadMonitor: () => Promise<StartMonitor>): Promise<void> {
    const { configuration, link, start } = this.#parts;
    // Its code loads while the workers start.
    const loading = loadMonitor();
    await configuration.open(start.role === "first");
    this.#sayDrivers();
    const startMonitor = await loading;
    this.#monitor = await startMonitor(this, this.#monitorListeners());
    this.#state = "running";
    this.#note(GLOBAL.ENGINE_PID, process.pid);
    this.#note(GLOBAL.ENGINE_STATE, 1);
    this.#note(GLOBAL.STARTED_AT, this.timers.wallMs() / 1000);
    this.#note(GLOBAL.LAST_RELOAD_OK, 1);
    Atomics.add(this.board.global, GLOBAL.ENGINE_STARTS, 1);
    link.send({ type: "serving", threads: this.plan().engine.threads });
    this.#beat();
    link.obey({
      reload: () => void this.#reloadBySignal(),
      drain: (order) => void this.#drain(order),
      alone: () => this.#nowAlone(),
      orphaned: () => this.#orphaned(),
    });
  }

  /** The Plan in force is another one. */
  planChanged(): void {
    this.#monitor?.update(this.#monitorListeners());
  }

  /** A worker died and is being replaced. */
  workerDied(index: number, why: string): void {
    const { events, link } = this.#parts;
    const text = `Worker ${index} died and is being replaced: ${why}`;
    events.tell("worker", "error", text, String(index));
    if (++this.#deaths !== DEATHS_MAX) return;
    events.tell("engine", "warning", `${DEATHS_MAX} workers died: a fresh engine takes over`);
    void link.upgrade();
  }

  plan(): Plan {
    return this.#parts.configuration.running.plan;
  }

  health(): readonly BackendSnapshot[] {
    return this.#parts.health.snapshot();
  }

  director(): DirectorView | undefined {
    return this.#parts.director.director?.status(this.plan());
  }

  connections(limit: number, onlyTemplates: boolean): readonly ConnectionView[] {
    return this.#parts.director.director?.connections(limit, onlyTemplates) ?? [];
  }

  tables(): readonly DirectorTable[] {
    return this.#parts.director.director?.tables() ?? [];
  }

  tellConnections(): Outcome {
    const message = "no service is configured";
    return (
      this.#parts.director.director?.tellConnections() ?? { ok: false, code: "USAGE", message }
    );
  }

  trace(wish: TraceWish): StartTrace | Refusal {
    const message = "no service is configured";
    const none = { ok: false, code: "USAGE", message } as const;
    return this.#parts.director.director?.trace(this.plan(), wish) ?? none;
  }

  events(): readonly ControlEvent[] {
    return this.#parts.events.recent();
  }

  subscribe(listener: (event: ControlEvent) => void): Cancel {
    return this.#parts.events.subscribe(listener);
  }

  status(): EngineStatus {
    const { start, workers, logs, configuration } = this.#parts;
    return {
      version: VERSION,
      state: this.#state,
      enginePid: process.pid,
      supervisorPid: start.supervisorPid,
      startedAt: this.#startedAt,
      supervisorStartedAt: start.supervisorStartedAt,
      generation: this.plan().generation,
      configFiles: configuration.running.files,
      workers: workers.status(),
      logErrors: logs.errors(),
      lastReload: this.#lastReload,
    };
  }

  reload(): Promise<ReloadResult> {
    return this.#reloads.run();
  }

  async upgrade(): Promise<Outcome> {
    if (this.#state === "running") return this.#parts.link.upgrade();
    return { ok: false, code: "SAFETY_REFUSED", message: `this engine is ${this.#state}` };
  }

  stop(mode: StopMode, drainMs?: number): void {
    this.#parts.link.send({ type: "stop", mode, drainMs });
  }

  setServer(backend: string, server: string, change: ServerChange): Outcome {
    try {
      this.#parts.health.change(backend, server, change);
      return { ok: true, message: `done: ${backend}/${server}` };
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      return { ok: false, code: error.code, message: error.message };
    }
  }

  setFrontend(name: string, { state, maxConnections }: FrontendChange): Outcome {
    const frontend = this.plan().frontends.find((f) => f.name === name);
    if (!frontend) return { ok: false, code: "USAGE", message: `there is no frontend ${name}` };
    const { frontends } = this.board;
    const row = frontend.slot * FRONTEND.size;
    if (maxConnections !== undefined) frontends[row + FRONTEND.MAX_CONNECTIONS] = maxConnections;
    if (state !== undefined) {
      frontends[row + FRONTEND.STATE] = state === "paused" ? 1 : 0;
      this.#parts.events.tell("frontend", "info", `Frontend ${name} is ${state}`, name);
    }
    return { ok: true, message: `done: ${name}` };
  }

  /**
   * Ends the engine: in order and within the limits of its mode, or at once. `replaced`: another
   * engine goes on with the sockets, the checks and the admin socket. May come again to make it
   * faster. Only an engine that clients are still sent to waits out `delayMs`.
   */
  async #drain(
    { mode, replaced, drainMs = this.plan().engine.drainMs }: DrainOrder,
    delayMs: number = replaced ? 0 : this.plan().engine.shutdownDelayMs,
  ): Promise<void> {
    if (this.#shutdown) {
      this.#shutdown.hurry(mode, { delayMs, drainMs });
      return;
    }
    const { workers, logs, events, configuration, listeners, exit } = this.#parts;
    this.#state = "draining";
    if (replaced) {
      configuration.stop();
      void this.#closeMonitor();
    } else this.#note(GLOBAL.ENGINE_STATE, 2);
    this.#shutdown = new Shutdown(
      {
        timers: this.timers,
        workers,
        closeSockets: () => listeners.closeTraffic(),
        tell: (level, text) => events.tell("engine", level, text),
      },
      { delayMs, drainMs },
      mode,
    );
    await this.#shutdown.run();
    configuration.stop();
    await logs.end();
    await this.#closeMonitor();
    exit(0);
  }

  async #reloadBySignal(): Promise<void> {
    const { ok, text } = await this.reload();
    if (!ok) this.#parts.events.tell("reload", "error", text.trimEnd());
  }

  async #reloadNow(): Promise<ReloadResult> {
    const { link, events, configuration, logs } = this.#parts;
    const beganMs = this.timers.monotonicMs();
    link.send({ type: "reloading" });
    // Whoever renamed a log file asks for a reload next, as logrotate does.
    logs.reopen();
    const applied =
      this.#state === "running"
        ? await configuration.reload()
        : refusal([faultSaying(`the engine is ${this.#state}`)]);
    const generation = this.plan().generation;
    const durationMs = Math.round(this.timers.monotonicMs() - beganMs);
    const result = { ...applied, generation, durationMs };
    this.#lastReload = { ...result, at: this.timers.wallMs() };
    this.#note(GLOBAL.LAST_RELOAD_OK, result.ok ? 1 : 0);
    this.#note(GLOBAL.RELOADED_AT, this.timers.wallMs() / 1000);
    Atomics.add(this.board.global, result.ok ? GLOBAL.RELOADS : GLOBAL.RELOADS_REFUSED, 1);
    events.tell("reload", result.ok ? "info" : "error", `Reload: ${result.message}`);
    for (const fault of result.ok ? result.faults : []) {
      events.tell("reload", "warning", `${fault.path}: ${fault.message}`);
    }
    link.send({ type: "reloaded", text: result.message });
    return result;
  }

  /** The engine before this one has ended: its workers' part in the gauges goes with it. */
  #nowAlone(): void {
    const half = this.board.sizes.workers / 2;
    forgetWorkers(this.board, this.#parts.start.half === 0 ? half : 0, half);
    this.#parts.configuration.nowAlone();
  }

  /** Nobody holds our sockets or would start us again: go, and leave them to whoever comes next. */
  #orphaned(): void {
    this.#parts.events.tell("engine", "error", "The supervisor is gone; draining");
    void this.#drain({ mode: "graceful", replaced: false }, 0);
  }

  #sayDrivers(): void {
    const { events, workers } = this.#parts;
    for (const { level, text } of driverSayings(this.plan().engine.driver, workers.status())) {
      events.tell("engine", level, text);
    }
  }

  #passOnHealthEvents(): void {
    this.#parts.health.events.subscribe((event) => {
      const level = event.to === "down" || event.to === "unusable" ? "warning" : "info";
      const subject = event.server === "" ? event.backend : `${event.backend}/${event.server}`;
      this.#parts.events.tell("server", level, describeEvent(event), subject);
    });
  }

  #monitorListeners(): MonitorListeners {
    const { listeners } = this.#parts;
    const page = pageKey(this.plan());
    return {
      admin: listeners.lend(adminKey(this.plan())),
      page: page === undefined ? undefined : listeners.lend(page),
    };
  }

  async #closeMonitor(): Promise<void> {
    const monitor = this.#monitor;
    this.#monitor = undefined;
    await monitor?.close();
  }

  #beat(): void {
    this.timers.after(BEAT_MS, () => {
      this.#parts.link.send({ type: "beat" });
      this.#beat();
    });
  }

  #note(cell: number, value: number): void {
    Atomics.store(this.board.global, cell, Math.floor(value));
  }
}
