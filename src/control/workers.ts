import type { Cancel, Timers } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import { type Board, GLOBAL, WORKER } from "#plan/board.ts";
import { forgetWorker } from "#plan/gauges.ts";
import type { Plan } from "#plan/plan.ts";
import type { ToWorker, WorkerListener, WorkerStart } from "#proxy/protocol.ts";
import type { WorkerStatus } from "./api.ts";
import { Backoff } from "./backoff.ts";
import { leftovers } from "./leftovers.ts";
import { MemberWait } from "./member-wait.ts";
import type { SpareWorkers } from "./spare-workers.ts";
import type { WorkerLink } from "./worker-thread.ts";

export interface WorkersParts {
  readonly timers: Timers;
  readonly board: Board;
  readonly boardFd: number;
  readonly log: Log;
  /** Where worker threads come from. */
  readonly threads: SpareWorkers;
  /** A copy of an eventfd that stays valid when its owner closes its own. */
  duplicate(fd: number): number;
  /** Wakes whoever waits on an eventfd. */
  signal(fd: number): void;
  close(fd: number): void;
  /**
   * Descriptors of this process that are not a worker's, though workers may use them: listeners.
   */
  shared(): ReadonlySet<number>;
  /** Called after a worker died and was cleaned up. */
  died?(index: number, why: string): void;
}

/** A listening socket of this process, by its key. */
export interface OpenListener {
  readonly key: string;
  readonly fd: number;
}

/** What workers serve: a Plan and the sockets for it. */
export interface Assignment {
  readonly plan: Plan;
  readonly listeners: readonly OpenListener[];
}

interface Member {
  /** Row on the Board. */
  readonly index: number;
  readonly backoff: Backoff;
  link: WorkerLink | undefined;
  state: WorkerStatus["state"];
  /** Our own copy of its wake descriptor; -1 = none. */
  wakeFd: number;
  fds: readonly number[];
  driver: string;
  reason: string;
  starts: number;
  cancelStart: Cancel | undefined;
  /** WORKER.BEAT as last seen, and for how many looks it has not moved. */
  beat: number;
  still: number;
}

/** A Plan is in force everywhere within this, or it is a bad one. */
const TAKE_MS = 10_000;
const WATCH_MS = 2000;
/** Looks without a turn, woken each time, after which a worker counts as stuck. */
const STUCK_LOOKS = 4;
/** Longer than this after its limit nobody is waited for. */
const GRACE_MS = 1000;

/**
 * The engine's worker threads: starts them, hands them Plans, starts a new one in the place of one
 * that dies, and lets them end.
 */
export class Workers {
  readonly #parts: WorkersParts;
  readonly #members: readonly Member[];
  #assignment: Assignment | undefined;
  #starting = true;
  #ending = false;
  #cut = 0;
  #cancelWatch: Cancel | undefined;
  /** Who waits for all members to have taken the newest Plan, and for all to be gone. */
  readonly #taken = new MemberWait();
  readonly #gone = new MemberWait();
  #refusals: string[] = [];

  /** Workers of the Board's rows first … first + count - 1. */
  constructor(parts: WorkersParts, first: number, count: number) {
    this.#parts = parts;
    this.#members = Array.from({ length: count }, (_, i) => ({
      index: first + i,
      backoff: new Backoff(parts.timers),
      link: undefined,
      state: "starting",
      wakeFd: -1,
      fds: [],
      driver: "",
      reason: "",
      starts: 0,
      cancelStart: undefined,
      beat: -1,
      still: 0,
    }));
  }

  /** Starts all; rejects with what the first that died before it served said. */
  async start(assignment: Assignment): Promise<void> {
    this.#assignment = assignment;
    const taken = this.#taken.all(this.#members.map((m) => m.index));
    for (const member of this.#members) this.#start(member);
    await taken;
    this.#starting = false;
    this.#watch();
    this.#parts.threads.standBy();
  }

  /**
   * Hands all the same assignment; resolves when it is in force everywhere. Returns what workers
   * said that could not take it: then the caller hands out the old one again.
   */
  async apply(assignment: Assignment): Promise<readonly string[]> {
    this.#assignment = assignment;
    this.#refusals = [];
    const taken = this.#taken.all(this.#members.map((m) => m.index));
    for (const member of this.#members) {
      if (member.state !== "running") continue;
      const { plan } = assignment;
      this.#post(member, { type: "plan", plan, listeners: this.#listenersOf(member) });
    }
    const cancel = this.#parts.timers.after(TAKE_MS, () => {
      this.#refusals.push(`not every worker took it within ${TAKE_MS / 1000} s`);
      this.#taken.giveUp();
    });
    await taken;
    cancel();
    return this.#refusals;
  }

  /**
   * Ends all, in order, within the limit, or at once when that is 0; resolves with the number of
   * requests that were cut. `stop` hurries it.
   */
  async drain(withinMs: number): Promise<number> {
    const gone = this.#gone.all(this.#living().map((m) => m.index));
    if (withinMs > 0) this.#end({ type: "drain", withinMs });
    const cancel = this.#parts.timers.after(withinMs > 0 ? withinMs + GRACE_MS : 0, () =>
      this.stop(),
    );
    await gone;
    cancel();
    return this.#cut;
  }

  /** Ends all at once. */
  stop(): void {
    this.#end({ type: "stop" });
    this.#parts.timers.after(GRACE_MS, () => {
      for (const member of this.#living()) this.#terminate(member);
    });
  }

  /** True when no worker accepts connections any more. */
  quiet(): boolean {
    const { workers } = this.#parts.board;
    return this.#living().every((m) => workers[m.index * WORKER.size + WORKER.STATE]! > 1);
  }

  status(): WorkerStatus[] {
    return this.#members.map(({ index, state, driver, reason, starts }) => ({
      index,
      state,
      driver,
      reason,
      starts,
    }));
  }

  #living(): Member[] {
    return this.#members.filter((m) => m.link !== undefined);
  }

  #end(message: ToWorker): void {
    this.#ending = true;
    this.#cancelWatch?.();
    this.#parts.threads.stop();
    for (const member of this.#members) {
      member.cancelStart?.();
      if (!member.link) continue;
      member.state = "draining";
      this.#post(member, message);
    }
  }

  #start(member: Member): void {
    const { board, boardFd } = this.#parts;
    member.cancelStart = undefined;
    member.state = "starting";
    member.backoff.born();
    member.starts++;
    Atomics.add(board.global, GLOBAL.WORKER_STARTS, 1);
    const { plan } = this.#assignment!;
    const start: WorkerStart = {
      index: member.index,
      boardFd,
      boardSizes: board.sizes,
      plan,
      listeners: this.#listenersOf(member),
    };
    member.link = this.#parts.threads.start(start, {
      message: (message) => {
        switch (message.type) {
          case "ready":
            this.#ready(member, message, plan);
            break;
          case "planned":
            this.#planned(member, message.generation);
            break;
          case "refused":
            this.#refusals.push(`worker ${member.index}: ${message.message}`);
            this.#planned(member, message.generation);
            break;
          case "log":
            this.#parts.log(message.level, `worker ${member.index}: ${message.text}`);
            break;
          default:
            this.#cut += message.cut;
            this.#forget(member);
        }
      },
      exit: (error) => this.#exited(member, error),
    });
  }

  #ready(
    member: Member,
    said: { wakeFd: number; fds: readonly number[]; driver: string; reason: string },
    started: Plan,
  ): void {
    member.wakeFd = this.#parts.duplicate(said.wakeFd);
    member.fds = said.fds;
    member.driver = said.driver;
    member.reason = said.reason;
    if (this.#ending) {
      // It was still starting when the others were told to end, and has nothing to finish.
      member.state = "draining";
      this.#post(member, { type: "stop" });
      return;
    }
    member.state = "running";
    if (!this.#starting) this.#parts.threads.standBy();
    const { plan } = this.#assignment!;
    if (plan === started) this.#taken.done(member.index);
    else this.#post(member, { type: "plan", plan, listeners: this.#listenersOf(member) });
  }

  #planned(member: Member, generation: number): void {
    if (generation === this.#assignment!.plan.generation) this.#taken.done(member.index);
  }

  #exited(member: Member, error: Error | undefined): void {
    const { log, board, close, shared, timers } = this.#parts;
    member.link = undefined;
    for (const fd of leftovers(member.fds, shared())) close(fd);
    const neverServed = member.state === "starting";
    this.#forget(member);
    forgetWorker(board, member.index);
    member.state = "dead";
    const row = member.index * WORKER.size;
    board.workers[row + WORKER.STATE] = this.#ending ? 0 : 3;
    this.#gone.done(member.index);
    if (neverServed && this.#starting) {
      this.#taken.fail(new Error(`worker ${member.index} died at its start: ${describe(error)}`));
      return;
    }
    if (error) log("error", `worker ${member.index}: ${describe(error)}`);
    if (this.#ending) return;
    const delayMs = member.backoff.died();
    if (delayMs === 0) this.#start(member);
    else member.cancelStart = timers.after(delayMs, () => this.#start(member));
    this.#parts.died?.(member.index, error?.message ?? "it ended by itself");
  }

  /** Descriptors it no longer has. */
  #forget(member: Member): void {
    if (member.wakeFd >= 0) this.#parts.close(member.wakeFd);
    member.wakeFd = -1;
    member.fds = [];
  }

  /** A thread that waits in the kernel does not notice until it is woken. */
  #terminate(member: Member): void {
    member.link!.terminate();
    if (member.wakeFd >= 0) this.#parts.signal(member.wakeFd);
  }

  #post(member: Member, message: ToWorker): void {
    member.link?.post(message);
    if (member.wakeFd >= 0) this.#parts.signal(member.wakeFd);
  }

  /**
   * Each worker gets its own of a key's sockets, all there are being dealt out; one that is alone
   * (a Unix socket, an inherited descriptor) goes to all.
   */
  #listenersOf(member: Member): WorkerListener[] {
    const seen = new Map<string, number>();
    const counts = new Map<string, number>();
    const { listeners } = this.#assignment!;
    for (const { key } of listeners) counts.set(key, (counts.get(key) ?? 0) + 1);
    const own = this.#members.indexOf(member);
    return listeners.filter(({ key }) => {
      const nth = seen.get(key) ?? 0;
      seen.set(key, nth + 1);
      return counts.get(key) === 1 || nth % this.#members.length === own;
    });
  }

  /** A worker that makes no turn although it is woken again and again is stuck: it is ended. */
  #watch(): void {
    this.#cancelWatch = this.#parts.timers.after(WATCH_MS, () => {
      for (const member of this.#members) {
        if (member.state !== "running") continue;
        const beat = this.#parts.board.workers[member.index * WORKER.size + WORKER.BEAT]!;
        member.still = beat === member.beat ? member.still + 1 : 0;
        member.beat = beat;
        if (member.still >= STUCK_LOOKS) {
          this.#parts.log("error", `worker ${member.index} is stuck and will be replaced`);
          member.still = 0;
          this.#terminate(member);
        } else if (member.still > 0) this.#parts.signal(member.wakeFd);
      }
      this.#watch();
    });
  }
}

const describe = (error: Error | undefined): string =>
  error === undefined ? "it ended by itself" : (error.stack ?? error.message);
