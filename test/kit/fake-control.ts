import { WeirError } from "#base/errors.ts";
import type {
  ConnectionView,
  ControlApi,
  ControlEvent,
  DirectorTable,
  DirectorView,
  EngineStatus,
  FrontendChange,
  Outcome,
  Refusal,
  ReloadResult,
  ServerChange,
  StartTrace,
  StopMode,
  TraceSink,
  TraceWish,
} from "#control/api.ts";
import { describeEvent } from "#health/events.ts";
import {
  Board,
  type BoardSizes,
  boardBytes,
  FRONTEND,
  FRONTEND_TOTALS,
  HISTOGRAM,
  SERVER_TOTALS,
} from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import { bucketOf } from "#traffic/histogram.ts";
import { directorStatusOf } from "./director-status.ts";
import { testCheck } from "./health-plan.ts";
import { HealthWorld } from "./health-world.ts";
import { planFromText } from "./plan.ts";
import type { SimClock } from "./sim-clock.ts";

const sizes: BoardSizes = { workers: 2, frontends: 4, backends: 4, servers: 8, logBytes: 4096 };

/** Two frontends, two backends, three servers. */
const CONFIG = `
frontends:
  www: { bind: "127.0.0.1:8080", default: app }
  api: { bind: "127.0.0.1:8081", default: api }
backends:
  app: { servers: { a: "10.0.0.1:80", b: "10.0.0.2:80" } }
  api: { balance: leastconn, servers: { c: "10.0.0.3:80" } }
`;

/**
 * A ControlApi without an engine: real health over played checks, a simulated clock, counts set by
 * hand.
 */
export class FakeControl implements ControlApi {
  readonly world: HealthWorld;
  readonly board: Board;
  readonly timers: SimClock;
  /** Mode, and limit if one was given. */
  readonly stops: string[] = [];
  directorChange: Partial<DirectorView> = {};
  /** Connections that the director tracks. */
  tracked: readonly ConnectionView[] = [];
  directorTables: readonly DirectorTable[] = [];
  /** What was asked of the director's trace, and who looks on. */
  readonly wishes: TraceWish[] = [];
  traceRefusal: Refusal | undefined;
  traceSink: TraceSink | undefined;
  state: EngineStatus["state"] = "running";
  reloadResult: Partial<ReloadResult> = {};
  lastReload: EngineStatus["lastReload"];
  #plan: Plan;
  readonly #events: ControlEvent[] = [];
  readonly #listeners = new Set<(event: ControlEvent) => void>();

  constructor(config = CONFIG) {
    this.board = new Board(new SharedArrayBuffer(boardBytes(sizes)), sizes);
    this.world = new HealthWorld(this.board);
    this.timers = this.world.clock;
    this.world.health.events.subscribe((event) =>
      this.say("server", `${event.backend}/${event.server}`, describeEvent(event)),
    );
    this.#plan = this.apply(config);
  }

  /** As a director would say it that has the Plan, with what the test has changed of it. */
  director(): DirectorView | undefined {
    const status = directorStatusOf(this.#plan);
    return status && { ...status, ...this.directorChange };
  }

  connections(limit: number, onlyTemplates: boolean): readonly ConnectionView[] {
    const tracked = this.tracked.filter(({ template }) => template || !onlyTemplates);
    return tracked.slice(0, limit);
  }

  tables(): readonly DirectorTable[] {
    return this.directorTables;
  }

  tellConnections(): Outcome {
    const { sync } = this.director() ?? {};
    if (!sync) return { ok: false, code: "USAGE", message: "director.sync is not configured" };
    return { ok: true, message: "told" };
  }

  trace(wish: TraceWish): StartTrace | Refusal {
    this.wishes.push(wish);
    return (
      this.traceRefusal ??
      ((sink) => {
        this.traceSink = sink;
        return () => {
          this.traceSink = undefined;
        };
      })
    );
  }

  /** Takes a configuration, as a reload would; every server is checked by HealthWorld's "fake". */
  apply(config: string): Plan {
    const plan = planFromText(config);
    const check = testCheck({ type: { name: "fake", options: {} } });
    this.#plan = { ...plan, backends: plan.backends.map((backend) => ({ ...backend, check })) };
    for (const { slot, maxConnections } of plan.frontends) {
      this.board.frontends[slot * FRONTEND.size + FRONTEND.MAX_CONNECTIONS] = maxConnections;
    }
    this.world.apply(this.#plan);
    return this.#plan;
  }

  /** Counts requests as a worker would, each taking `us` microseconds. */
  serve(count: number, { worker = 0, status = 2, us = 1000, frontend = 0, server = 0 } = {}): void {
    const totals = this.board.totals[worker]!;
    const plan = this.#plan.frontends[frontend]!;
    const add = (view: Float64Array, at: number, by: number) => {
      view[at] = view[at]! + by;
    };
    const column = `STATUS_${status as 2}XX` as const;
    const row = plan.slot * FRONTEND_TOTALS.size;
    add(totals.frontends, row + FRONTEND_TOTALS.REQUESTS, count);
    add(totals.frontends, row + FRONTEND_TOTALS[column], count);
    add(totals.frontends, row + FRONTEND_TOTALS.BYTES_OUT, count * 1000);
    add(totals.frontendTimes, plan.slot * HISTOGRAM.BUCKETS + bucketOf(us), count);
    const { slot } = this.#plan.backends[frontend]!.servers[server]!;
    const serverRow = slot * SERVER_TOTALS.size;
    add(totals.servers, serverRow + SERVER_TOTALS.REQUESTS, count);
    add(totals.servers, serverRow + SERVER_TOTALS[column], count);
    add(totals.servers, serverRow + SERVER_TOTALS.RESPONSE_MS, (count * us) / 1000);
  }

  say(kind: ControlEvent["kind"], subject: string, text: string): void {
    const event = { at: this.timers.wallMs(), level: "info", kind, subject, text } as const;
    this.#events.push(event);
    for (const listener of this.#listeners) listener(event);
  }

  plan = (): Plan => this.#plan;
  health = () => this.world.health.snapshot();
  events = (): readonly ControlEvent[] => this.#events;

  status(): EngineStatus {
    return {
      version: "0.0.0-test",
      state: this.state,
      enginePid: 2,
      supervisorPid: 1,
      startedAt: 1_000_000,
      supervisorStartedAt: 1_000_000,
      generation: this.#plan.generation,
      configFiles: ["/etc/weir/weir.yaml"],
      workers: [0, 1].map((index) => ({
        index,
        state: "running",
        driver: "epoll",
        reason: "asked for",
        starts: 1,
      })),
      logErrors: {},
      lastReload: this.lastReload,
    };
  }

  async reload(): Promise<ReloadResult> {
    const result = {
      ok: true,
      generation: 2,
      message: "configuration 2 is in force",
      faults: [],
      text: "",
      durationMs: 3,
      ...this.reloadResult,
    };
    this.lastReload = { ...result, at: this.timers.wallMs() };
    return result;
  }

  async upgrade(): Promise<Outcome> {
    return { ok: true, message: "a new engine runs" };
  }

  stop(mode: StopMode, drainMs?: number): void {
    this.stops.push(drainMs === undefined ? mode : `${mode} ${drainMs} ms`);
  }

  setServer(backend: string, server: string, change: ServerChange): Outcome {
    try {
      this.world.health.change(backend, server, change);
      return { ok: true, message: `${backend}/${server} changed` };
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      return { ok: false, code: error.code, message: error.message };
    }
  }

  setFrontend(frontend: string, { state }: FrontendChange): Outcome {
    const plan = this.#plan.frontends.find((f) => f.name === frontend);
    if (!plan) return { ok: false, code: "USAGE", message: `there is no frontend ${frontend}` };
    this.board.frontends[plan.slot * FRONTEND.size + FRONTEND.STATE] = state === "paused" ? 1 : 0;
    return { ok: true, message: `${frontend} changed` };
  }

  subscribe(listener: (event: ControlEvent) => void) {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
