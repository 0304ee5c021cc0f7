import { isDeepStrictEqual } from "node:util";
import type { Cancel, Timers } from "#base/clock.ts";
import { Director } from "#director/director.ts";
import { ESTIMATE_SECONDS } from "#director/estimator.ts";
import { goesByMark } from "#director/hook-choice.ts";
import type { Taking } from "#director/interfaces.ts";
import { flushKernel } from "#director/kernel.ts";
import type { ProbePath } from "#director/probes.ts";
import { directorRefusal } from "#director/requirements.ts";
import { Sync } from "#director/sync/sync.ts";
import { tablesOf } from "#director/tables.ts";
import { Watch } from "#director/watch.ts";
import type { Board } from "#plan/board.ts";
import type { DirectorPlan, Plan, SyncPlan } from "#plan/plan.ts";
import type {
  ConnectionView,
  DirectorTable,
  DirectorView,
  Outcome,
  Refusal,
  ServiceView,
  StartTrace,
  TraceSink,
  TraceWish,
} from "./api.ts";
import { ShortageTeller, sizeRemark } from "./connection-table.ts";
import type { EventHub } from "./events.ts";
import { runTrace, understand } from "./trace.ts";

/** How soon a server's new state is known to the kernel. */
const FOLLOW_MS = 50;
/** How often some routes are asked for again. */
const ROUTES_MS = 1000;
/** How often interfaces are looked at, and XDP is told to go on, and of whom. */
const INTERFACES_MS = 1000;
/** Between two steps of a pass over the connection table, and between two passes. */
const STEP_MS = 10;
const PASS_MS = 1000;

/** What a hook means for services by mark. */
const MARKS = {
  tcx: { level: "warning", text: ", where no filter of tc has set a mark that services go by" },
  clsact: { level: "info", text: ", behind filters of tc that set marks" },
} as const;

/**
 * The director of an engine: made when the first Plan with services comes. Packets go on when it
 * ends, and whoever comes next finds what is in the kernel. When it cannot be had, everything else
 * of the engine runs all the same, and events and status say what is missing.
 */
export class DirectorControl {
  readonly #board: Board;
  readonly #timers: Timers;
  readonly #events: EventHub;
  readonly #cancels = new Set<Cancel>();
  #director: Director | undefined;
  #watch: Watch | undefined;
  #sync: Sync | undefined;
  #problem: string | undefined;
  /** What goes wrong now, by what was to be done; gone as soon as it goes right. */
  readonly #troubles = new Map<string, string>();
  /** Where packets are taken, as told last, by interface. */
  readonly #toldOfHooks = new Map<string, Taking["hook"]>();
  /** What was told last of XDP, by interface. */
  #toldOfXdp: ReadonlyMap<string, string | undefined> = new Map();
  #toldOfLocal: ReadonlySet<string> = new Set();
  #pins: string | undefined;
  #trace: ReturnType<typeof runTrace> | undefined;

  constructor(board: Board, timers: Timers, events: EventHub) {
    this.#board = board;
    this.#timers = timers;
    this.#events = events;
  }

  /** Puts a Plan in force. What cannot be done is told. */
  apply(plan: Plan): void {
    const { director } = plan;
    if (!director) {
      this.#flush();
      return;
    }
    try {
      this.#open(plan, director);
      this.#watch!.look();
      this.#director!.apply(plan, director);
      this.#watch!.look();
      this.#guard("connection sync", () => this.#settleSync(director.sync));
      this.#problem = undefined;
    } catch (error) {
      this.#fail(error);
      return;
    }
    for (const taking of this.#director!.taking) {
      const { device, hook, problem } = taking;
      if (problem || this.#toldOfHooks.get(device) !== hook) this.#tellOfInterface(taking, plan);
    }
    this.#tellOfXdp();
    this.#tellOfLocalServers();
  }

  /** Begins, ends or changes what other directors are told, if the Plan says something new. */
  #settleSync(plan: SyncPlan | undefined): void {
    if (isDeepStrictEqual(plan, this.#sync?.plan)) return;
    this.#sync?.close();
    const tell = (level: "info" | "warning" | "error", text: string): void =>
      this.#events.tell("director", level, text);
    this.#sync =
      plan &&
      new Sync(plan, {
        director: this.#director!,
        sweeper: this.#watch!.sweeper,
        timers: this.#timers,
        events: {
          seen: ({ address, kind }) =>
            tell("info", `Connection sync: ${address} is there (${kind})`),
          lost: ({ address }) => tell("warning", `Connection sync: nothing is heard of ${address}`),
          problem: (text) =>
            text === undefined
              ? tell("info", "Connection sync: goes on")
              : tell("error", `Connection sync: ${text}`),
        },
      });
  }

  #tellOfInterface({ device, hook, problem }: Taking, plan: Plan): void {
    this.#toldOfHooks.set(device, hook);
    const order = hook && goesByMark(plan) ? MARKS[hook] : undefined;
    const text = `Packets of ${device}: ${problem ?? `by ${hook}${order?.text ?? ""}`}`;
    this.#events.tell("director", problem ? "error" : (order?.level ?? "info"), text, device);
  }

  /** Where XDP takes packets, or why not, as far as that is news. */
  #tellOfXdp(): void {
    const now = this.#director!.xdp?.interfaces ?? [];
    const told = this.#toldOfXdp;
    this.#toldOfXdp = new Map(now.map(({ device, problem }) => [device, problem]));
    for (const { device, problem } of now) {
      if (told.has(device) && told.get(device) === problem) continue;
      const text = problem
        ? `No XDP at ${device}: ${problem}`
        : `XDP is at work at ${device} (native)`;
      this.#events.tell("director", problem ? "warning" : "info", text, device);
    }
  }

  /** Servers that get nothing because of where they are on this machine, as far as that is news. */
  #tellOfLocalServers(): void {
    const told = this.#toldOfLocal;
    const now = this.#director!.unservedServers().map(({ service, server, why }) => ({
      service,
      text: `Service ${service} sends nothing to ${server}: ${why}`,
    }));
    this.#toldOfLocal = new Set(now.map(({ text }) => text));
    for (const { service, text } of now) {
      if (!told.has(text)) this.#events.tell("director", "warning", text, service);
    }
  }

  #open(plan: Plan, director: DirectorPlan): void {
    if (this.#director) return;
    const refusal = directorRefusal();
    if (refusal) throw new Error(refusal);
    this.#director = Director.open(plan, director, this.#board);
    this.#pins = director.pins;
    this.#watch = new Watch(this.#director);
    const { adopted } = this.#director.kernel;
    const what = adopted ? "goes on with the connections that are there" : "is in the kernel";
    this.#events.tell("director", "info", `The director ${what}`);
    const size = sizeRemark(this.#watch.connectionTable());
    if (size !== undefined) this.#events.tell("director", "warning", size);
    this.#every("servers", FOLLOW_MS, () => {
      if (this.#director!.refresh()) this.#tellOfLocalServers();
    });
    this.#every("routes", ROUTES_MS, () => {
      if (this.#director!.refreshRoutes()) this.#tellOfLocalServers();
    });
    this.#every("interfaces", INTERFACES_MS, () => {
      const { plan } = this.#director!;
      for (const taking of this.#director!.followInterfaces()) this.#tellOfInterface(taking, plan!);
      this.#director!.followXdp();
      this.#tellOfXdp();
    });
    this.#every("rates", 1000 * ESTIMATE_SECONDS, () => this.#watch!.estimate());
    this.#sweep();
  }

  status(plan: Plan): DirectorView | undefined {
    if (this.#watch) {
      const status = this.#watch.status();
      const services = status.services.flatMap((service) => withPlan(plan, service) ?? []);
      const [trouble] = this.#troubles.values();
      const sync = this.#sync?.status();
      return { ...status, ...(sync && { sync }), services, problem: this.#problem ?? trouble };
    }
    if (!plan.director) return undefined;
    return {
      problem: this.#problem,
      interfaces: [],
      connections: { count: 0, size: 0, wanted: 0 },
      incidents: undefined,
      services: [],
    };
  }

  /** How the check of a server gets to it as packets of the service do. */
  pathTo(service: string, server: string): ProbePath {
    const problem = `packets are not directed${this.#problem ? `: ${this.#problem}` : ""}`;
    return this.#director?.pathTo(service, server) ?? { problem };
  }

  connections(limit: number, onlyTemplates: boolean): readonly ConnectionView[] {
    return this.#watch?.connections(limit, onlyTemplates) ?? [];
  }

  tables(): readonly DirectorTable[] {
    return this.#director ? tablesOf(this.#director.kernel) : [];
  }

  tellConnections(): Outcome {
    if (!this.#sync)
      return { ok: false, code: "USAGE", message: "director.sync is not configured" };
    if (!this.#sync.tellAll())
      return { ok: false, code: "USAGE", message: "a backup tells nothing" };
    return { ok: true, message: "all connections are told, from the next pass on" };
  }

  trace(plan: Plan, wish: TraceWish): StartTrace | Refusal {
    const director = this.#director;
    const refuse = (code: Refusal["code"], message: string) =>
      ({ ok: false, code, message }) as const;
    if (!director) return refuse("USAGE", this.#problem ?? "no service is configured");
    const busy = "somebody traces already";
    if (this.#trace) return refuse("RESOURCE_EXHAUSTED", busy);
    const wanted = understand(plan, wish);
    if ("ok" in wanted) return wanted;
    return (sink) => {
      // Two may have been let in at once.
      if (this.#trace) {
        sink.end({ why: busy, leftOut: 0 });
        return () => {};
      }
      const end: TraceSink["end"] = (how) => {
        this.#trace = undefined;
        sink.end(how);
      };
      const trace = runTrace(director, this.#timers, wanted, { ...sink, end });
      this.#trace = trace;
      return () => {
        if (this.#trace !== trace) return;
        this.#trace = undefined;
        trace.stop(undefined);
      };
    };
  }

  /** Lets go of the kernel's objects; packets go on. */
  stop(): void {
    this.#trace?.stop("the director is let go");
    for (const cancel of this.#cancels) cancel();
    this.#cancels.clear();
    this.#troubles.clear();
    this.#sync?.close();
    this.#sync = undefined;
    this.#toldOfHooks.clear();
    this.#watch?.close();
    this.#director?.close();
    this.#watch = undefined;
    this.#director = undefined;
  }

  /** No service is left: nothing of ours stays in the kernel. */
  #flush(): void {
    const pins = this.#pins;
    this.stop();
    this.#pins = undefined;
    this.#problem = undefined;
    if (pins === undefined) return;
    flushKernel(pins);
    this.#events.tell("director", "info", "No service is left: the director is out of the kernel");
  }

  #fail(error: unknown): void {
    this.#problem = (error as Error).message;
    this.#events.tell("director", "error", `No packets are directed: ${this.#problem}`);
  }

  #sweep(): void {
    const shortage = new ShortageTeller(this.#events);
    const step = (): void => {
      this.#watch!.visitor = this.#sync?.visitor;
      const done = this.#guard("connections", () => this.#watch!.sweep());
      if (done) shortage.follow(this.#watch!.connectionTable());
      again(done === false ? STEP_MS : PASS_MS);
    };
    const again = (ms: number): void => this.#after(ms, step);
    again(PASS_MS);
  }

  #every(task: string, ms: number, work: () => void): void {
    this.#after(ms, () => {
      this.#guard(task, work);
      this.#every(task, ms, work);
    });
  }

  #after(ms: number, work: () => void): void {
    const cancel = this.#timers.after(ms, () => {
      this.#cancels.delete(cancel);
      work();
    });
    this.#cancels.add(cancel);
  }

  /** A call to the kernel that fails is told once, and tried again when its turn comes. */
  #guard<T>(task: string, work: () => T): T | undefined {
    try {
      const done = work();
      this.#troubles.delete(task);
      return done;
    } catch (error) {
      const text = (error as Error).message;
      if (text !== this.#troubles.get(task)) {
        this.#events.tell("director", "error", `The director's ${task}: ${text}`);
      }
      this.#troubles.set(task, text);
      return undefined;
    }
  }
}

/** With what the Plan says of the service besides. */
function withPlan(
  { services, backends }: Plan,
  status: ReturnType<Watch["status"]>["services"][number],
): ServiceView | undefined {
  const plan = services.find(({ name }) => name === status.name);
  if (!plan) return undefined;
  const { onNoServer, onServerRemoved, maxConnections, maxPerSource, synProxy } = plan;
  const schedulerOptions = backends[plan.backend]!.balance.options;
  const limits = { onNoServer, onServerRemoved, maxConnections, maxPerSource, synProxy };
  return { ...status, schedulerOptions, ...limits };
}
