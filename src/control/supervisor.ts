import { assert } from "#base/assert.ts";
import type { Cancel, Timers } from "#base/clock.ts";
import type { CodeName } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import type { Outcome, StopMode } from "./api.ts";
import { Backoff } from "./backoff.ts";
import { BoardMemory } from "./board-memory.ts";
import { Listeners, type SocketMaker } from "./listeners.ts";
import type { EngineRole, FromEngine, ListenWish, ToEngine } from "./protocol.ts";
import { actionFor, type SignalName } from "./signals.ts";

/** A running engine process as the supervisor sees it. */
export interface EngineLink {
  readonly pid: number;
  /** Descriptors are sent before the message. Nothing happens when the engine is gone. */
  send(message: ToEngine, fds?: readonly number[]): void;
  kill(): void;
}

export interface EngineHandlers {
  message(message: FromEngine): void;
  /** Gone: `how` is "exit code 1" or "signal SIGKILL". Comes once, after the last message. */
  exit(how: string): void;
}

export interface SupervisorParts {
  readonly timers: Timers;
  readonly sockets: SocketMaker;
  readonly log: Log;
  /** `threads`: worker threads it will likely have; it may load them early. */
  spawn(handlers: EngineHandlers, threads: number): EngineLink;
  /** A descriptor of zeroed shared memory. */
  createMemory(bytes: number): number;
  /** sd_notify(3); does nothing where nobody listens. */
  notify(state: string): void;
  /** The first engine serves. */
  ready(): void;
}

export interface SupervisorOptions {
  readonly configFiles: readonly string[];
  readonly adminSocket: string;
}

/** How it ended. `signal` when one cut it short. */
export interface End {
  readonly code: CodeName;
  readonly text: string;
  readonly signal?: "SIGTERM" | "SIGINT";
}

interface Engine {
  readonly link: EngineLink;
  readonly role: EngineRole;
  readonly half: 0 | 1;
  phase: "starting" | "running" | "draining";
  /** Listener keys it uses; undefined until it has said. */
  keys: readonly string[] | undefined;
  state: Uint8Array | undefined;
  beatAtMs: number;
  failure: { readonly code: CodeName; readonly text: string } | undefined;
}

/** An engine that says nothing for this long while it should be ending is killed. */
const SILENT_MS = 10_000;
/** Engines that died before they served, in a row, after which what they began with is doubted. */
const HOPELESS = 3;
const NOW_MS = 2000;
const QUICK_MS = 7000;

/**
 * Keeps an engine running and holds what must outlive it: listening sockets, the Board's memory,
 * the process id people signal. Knows nothing of configurations: engines say what they need.
 */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #options: SupervisorOptions;
  readonly #listeners: Listeners;
  readonly #memory: BoardMemory;
  readonly #backoff: Backoff;
  readonly #startedAt: number;
  /** Every living engine: the current one, one being upgraded to, old ones that drain. */
  readonly #engines = new Set<Engine>();
  #current: Engine | undefined;
  #next: Engine | undefined;
  #state: Uint8Array | undefined;
  /** Worker threads of the last engine that served. */
  #threads = 1;
  #everRan = false;
  #reloadWanted = false;
  #failedStarts = 0;
  #stopping: StopMode | undefined;
  #cutBy: "SIGTERM" | "SIGINT" | undefined;
  #cancelRestart: Cancel | undefined;
  #cancelWatch: Cancel | undefined;
  #ended: ((end: End) => void) | undefined;

  constructor(parts: SupervisorParts, options: SupervisorOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#listeners = new Listeners(parts.sockets);
    this.#memory = new BoardMemory(parts.createMemory, parts.sockets.close);
    this.#backoff = new Backoff(parts.timers);
    this.#startedAt = parts.timers.wallMs();
  }

  /** Starts the first engine; resolves when everything has ended and been cleaned up. */
  run(): Promise<End> {
    assert(this.#ended === undefined, "a supervisor runs once");
    return new Promise((resolve) => {
      this.#ended = resolve;
      this.#current = this.#start("first", 0);
    });
  }

  signal(name: SignalName): void {
    const action = actionFor(name, this.#stopping !== undefined);
    if (action === undefined) return;
    if (action !== "reload") {
      if (action === "now") this.#cutBy = name === "SIGINT" ? "SIGINT" : "SIGTERM";
      this.stop(action);
    } else {
      this.#reloadWanted = true;
      this.#passReload();
    }
  }

  /** Hands a reload on; while no engine runs it waits for the next one. */
  #passReload(): void {
    if (!this.#reloadWanted || this.#current?.phase !== "running") return;
    this.#reloadWanted = false;
    this.#current.link.send({ type: "reload" });
  }

  /** Ends all engines, then everything. A second call may make it faster, never slower. */
  stop(mode: StopMode, drainMs?: number): void {
    if (this.#ended === undefined || this.#stopping === "now") return;
    if (this.#stopping === mode && drainMs === undefined) return;
    if (this.#stopping === "quick" && mode === "graceful") return;
    if (this.#stopping === undefined) this.#parts.notify("STOPPING=1");
    this.#parts.log(
      "info",
      mode === "now" ? "stopping at once" : "stopping when requests have ended",
    );
    this.#stopping = mode;
    this.#cancelRestart?.();
    for (const engine of this.#engines) {
      engine.phase = "draining";
      engine.beatAtMs = this.#parts.timers.monotonicMs();
      engine.link.send({ type: "drain", mode, replaced: false, drainMs });
    }
    this.#watch(mode === "now" ? NOW_MS : mode === "quick" ? QUICK_MS : undefined);
    if (this.#engines.size === 0) this.#finish({ code: "NONE", text: "stopped" });
  }

  #start(role: EngineRole, half: 0 | 1): Engine {
    if (role !== "upgrade") this.#backoff.born();
    const handlers: EngineHandlers = {
      message: (message) => this.#heard(engine, message),
      exit: (how) => this.#gone(engine, how),
    };
    const link = this.#parts.spawn(handlers, this.#threads);
    const engine: Engine = {
      link,
      role,
      half,
      phase: "starting",
      keys: undefined,
      state: undefined,
      beatAtMs: this.#parts.timers.monotonicMs(),
      failure: undefined,
    };
    this.#engines.add(engine);
    return engine;
  }

  #heard(engine: Engine, message: FromEngine): void {
    engine.beatAtMs = this.#parts.timers.monotonicMs();
    switch (message.type) {
      case "loaded":
        this.#brief(engine);
        break;
      case "board":
        this.#giveBoard(engine, message.bytes, message.layout);
        break;
      case "listen":
        this.#giveListeners(engine, message.id, message.wishes);
        break;
      case "keep":
        engine.keys = message.keys;
        this.#closeUnwanted();
        break;
      case "state":
        this.#saveState(engine, message.state);
        break;
      case "serving":
        this.#threads = message.threads;
        this.#serving(engine);
        break;
      case "beat":
        if (engine === this.#current) this.#parts.notify("WATCHDOG=1");
        break;
      case "reloading":
        this.#parts.notify("RELOADING=1");
        break;
      case "reloaded":
        this.#parts.notify(`READY=1\nSTATUS=${message.text}`);
        break;
      case "failed":
        engine.failure = message;
        break;
      case "stop":
        this.stop(message.mode, message.drainMs);
        break;
      default:
        this.#upgrade(engine);
    }
  }

  #brief(engine: Engine): void {
    if (this.#stopping !== undefined) {
      engine.link.send({ type: "drain", mode: "now", replaced: false });
      return;
    }
    engine.link.send({
      type: "start",
      start: {
        role: engine.role,
        reread: this.#shouldReread(),
        configFiles: this.#options.configFiles,
        adminSocket: this.#options.adminSocket,
        half: engine.half,
        alone: this.#engines.size === 1,
        state: this.#state,
        supervisorPid: process.pid,
        supervisorStartedAt: this.#startedAt,
      },
    });
  }

  /** Where what was in force does not start any more, the files are tried every other time. */
  #shouldReread(): boolean {
    const hopeless = this.#failedStarts >= HOPELESS && this.#failedStarts % 2 === 1;
    return this.#reloadWanted || hopeless;
  }

  #giveBoard(engine: Engine, bytes: number, layout: string): void {
    try {
      const { fd, fresh } = this.#memory.obtain(bytes, layout);
      engine.link.send({ type: "board", fresh }, [fd]);
    } catch (error) {
      engine.failure = { code: "START_FAILED", text: `no shared memory: ${error}` };
      engine.link.kill();
    }
  }

  #giveListeners(engine: Engine, id: number, wishes: readonly ListenWish[]): void {
    const { keys, fds, faults } = this.#listeners.obtain(wishes);
    engine.link.send({ type: "listeners", id, keys, faults }, fds);
  }

  /** Sockets nobody uses any more; an engine that has not said what it uses may use all. */
  #closeUnwanted(): void {
    if (this.#engines.size === 0) return;
    const wanted: string[] = [];
    for (const engine of this.#engines) {
      if (engine.keys === undefined) return;
      wanted.push(...engine.keys);
    }
    this.#listeners.keep(wanted);
  }

  /**
   * Until it serves, an engine's state is worth nothing: the next one goes on from what did work.
   */
  #saveState(engine: Engine, state: Uint8Array): void {
    engine.state = state;
    if (engine.phase === "running") this.#state = state;
  }

  #serving(engine: Engine): void {
    if (engine.phase !== "starting") return;
    engine.phase = "running";
    this.#failedStarts = 0;
    this.#state = engine.state;
    if (engine === this.#next) {
      this.#next = undefined;
      const old = this.#current;
      this.#current = engine;
      this.#parts.log("info", `engine ${engine.link.pid} took over`);
      if (old) {
        old.phase = "draining";
        old.link.send({ type: "upgraded", outcome: { ok: true, message: tookOver(engine) } });
        old.link.send({ type: "drain", mode: "graceful", replaced: true });
      }
    }
    if (!this.#everRan) {
      this.#everRan = true;
      this.#parts.ready();
    }
    this.#parts.notify(`READY=1\nSTATUS=serving (engine ${engine.link.pid})`);
    this.#passReload();
  }

  #upgrade(asked: Engine): void {
    const obstacle = this.#upgradeObstacle(asked);
    if (obstacle === undefined) this.#next = this.#start("upgrade", asked.half === 0 ? 1 : 0);
    else {
      const outcome: Outcome = { ok: false, code: "SAFETY_REFUSED", message: obstacle };
      asked.link.send({ type: "upgraded", outcome });
    }
  }

  #upgradeObstacle(asked: Engine): string | undefined {
    if (asked !== this.#current || this.#stopping !== undefined) return "not while stopping";
    if (this.#next !== undefined) return "an upgrade is under way";
    return this.#engines.size > 1 ? "the engine before this one still drains" : undefined;
  }

  #gone(engine: Engine, how: string): void {
    this.#engines.delete(engine);
    if (this.#stopping !== undefined) {
      if (this.#engines.size === 0) this.#finish(this.#lastWord());
      return;
    }
    const why = engine.failure?.text ?? `the engine ended: ${how}`;
    if (this.#engines.size === 1) this.#current?.link.send({ type: "alone" });
    if (engine === this.#next) {
      this.#next = undefined;
      const code = engine.failure?.code ?? "START_FAILED";
      const outcome: Outcome = { ok: false, code, message: why };
      this.#current?.link.send({ type: "upgraded", outcome });
      if (this.#current === undefined) this.#restart(engine.half, why);
    } else if (engine === this.#current) {
      this.#current = undefined;
      if (engine.phase === "starting") this.#failedStarts++;
      if (!this.#everRan) {
        this.#finish({ code: engine.failure?.code ?? "START_FAILED", text: why });
      } else if (this.#next === undefined) this.#restart(engine.half, why);
    } else this.#closeUnwanted();
  }

  #restart(half: 0 | 1, why: string): void {
    const delayMs = this.#backoff.died();
    this.#parts.log(
      "error",
      `${why}; starting another ${delayMs ? `in ${delayMs} ms` : "at once"}`,
    );
    this.#parts.notify(`STATUS=restarting: ${why}`);
    const start = (): void => {
      this.#cancelRestart = undefined;
      this.#current = this.#start("recovery", half);
    };
    if (delayMs === 0) start();
    else this.#cancelRestart = this.#parts.timers.after(delayMs, start);
  }

  /** While stopping: kills engines after `limitMs`, or those that have fallen silent. */
  #watch(limitMs: number | undefined): void {
    this.#cancelWatch?.();
    this.#cancelWatch = this.#parts.timers.after(limitMs ?? 1000, () => {
      const now = this.#parts.timers.monotonicMs();
      for (const engine of this.#engines) {
        if (limitMs !== undefined || now - engine.beatAtMs > SILENT_MS) engine.link.kill();
      }
      if (limitMs === undefined) this.#watch(undefined);
    });
  }

  #lastWord(): End {
    return this.#cutBy === undefined
      ? { code: "NONE", text: "stopped" }
      : { code: "NONE", text: "stopped at once", signal: this.#cutBy };
  }

  #finish(end: End): void {
    this.#cancelWatch?.();
    this.#listeners.closeAll();
    this.#memory.release();
    this.#ended!(end);
    this.#ended = undefined;
  }
}

const tookOver = (engine: Engine): string => `engine ${engine.link.pid} took over`;
