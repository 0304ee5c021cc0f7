import type { Clock } from "#base/clock.ts";
import { CODE } from "#base/errors.ts";
import { systemClock, threadBusyMs } from "#io/clock.ts";
import type { Driver, DriverOptions } from "#io/driver.ts";
import { PAGE_SIZES } from "#io/pages.ts";
import { chooseDriver } from "#io/probe.ts";
import { type Board, PROCESS_TOTALS, SERVER, WORKER } from "#plan/board.ts";
import type { EnginePlan, Plan } from "#plan/plan.ts";
import { AccessLog } from "./access-log.ts";
import { admitHeld, refuseRetired } from "./admission.ts";
import { leaveRetired, serveLines } from "./assign.ts";
import { partClient } from "./client-socket.ts";
import { Core } from "./core.ts";
import { Dispatch } from "./dispatch.ts";
import { abortExchange } from "./exchange.ts";
import { closeAllIdle, closeIdle } from "./idle.ts";
import { Listening } from "./listening.ts";
import type { FromWorker, ToWorker, WorkerListener, WorkerStart } from "./protocol.ts";
import { createRuntime } from "./runtime.ts";
import { CLIENT, CS, KIND, UP, US } from "./tables.ts";

/**
 * How often what is not urgent is looked at: waiting requests and clients, servers to be cleared,
 * the calendar.
 */
const HOUSEKEEPING_MS = 25;
/** How often room that another thread left is looked for while requests wait. */
const LOOK_MS = 1;
/** Sockets beyond two for each client, for connections to servers that lie idle. */
const KEPT_UPSTREAMS = 256;
const BUFFERS = 1024;
/** What came in a buffer always fits in a page, where it is kept when it has to wait. */
const BUFFER_BYTES = PAGE_SIZES[0]!;

/**
 * What the engine's limits come to for one worker's driver. Every socket is a client's or a
 * server's.
 */
function driverOptions(engine: EnginePlan): DriverOptions {
  const clients = Math.ceil(engine.maxConnections / engine.threads);
  return {
    sockets: clients * 2 + KEPT_UPSTREAMS,
    sharers: engine.threads,
    pageBytes: engine.memoryBytes,
    buffers: BUFFERS,
    bufferBytes: BUFFER_BYTES,
  };
}

/**
 * A worker's loop: one turn of the driver after another, and between turns what control asked for.
 * It is a class of its own, apart from the thread's entry, so that a test can turn it by hand.
 */
export class Loop {
  readonly driver: Driver;
  readonly reason: string;
  readonly core: Core;
  readonly dispatch: Dispatch;
  ended = false;
  readonly #board: Board;
  readonly #row: number;
  readonly #tell: (message: FromWorker) => void;
  readonly #clock: Clock;
  readonly #listening: Listening;
  #drainUntilMs = 0;
  #accepting = true;
  #housekeptMs = 0;
  /** How often we look while requests wait; alone, nobody but us makes room within the engine. */
  readonly #lookMs: number;
  #lookedMs = 0;
  #wallOffset = 0;
  /** What earlier threads in this place had used. */
  readonly #busyBefore: number;

  constructor(
    start: WorkerStart,
    board: Board,
    tell: (message: FromWorker) => void,
    clock: Clock = systemClock,
  ) {
    const { plan, index } = start;
    const chosen = chooseDriver(plan.engine.driver, driverOptions(plan.engine));
    this.driver = chosen.driver;
    this.reason = chosen.reason;
    this.#board = board;
    this.#row = index * WORKER.size;
    this.#busyBefore = board.totals[index]!.process[PROCESS_TOTALS.BUSY_MS]!;
    this.#tell = tell;
    this.#clock = clock;
    const runtime = createRuntime(plan, board, index);
    const log = new AccessLog(board, index);
    const now = clock.monotonicMs();
    this.core = new Core(this.driver, board, index, runtime, log, now);
    this.dispatch = new Dispatch(this.core, clock);
    this.#setClock(now);
    this.dispatch.settle();
    this.#lookMs = plan.engine.threads > 1 ? LOOK_MS : HOUSEKEEPING_MS;
    this.#listening = new Listening(this.driver, this.core);
    this.#listening.take(plan, start.listeners);
    board.workers[this.#row + WORKER.DRIVER] = this.driver.name === "io_uring" ? 1 : 2;
    board.workers[this.#row + WORKER.GENERATION] = plan.generation;
    board.workers[this.#row + WORKER.STATE] = 1;
  }

  /** One turn, waiting at most `mostMs`. `messages` is called when control woke the loop. */
  turn(messages: () => void, mostMs = Number.MAX_SAFE_INTEGER): void {
    const core = this.core;
    if (this.dispatch.wake) {
      this.dispatch.wake = false;
      messages();
    }
    core.timers.advance(core.nowMs, this.dispatch.due);
    if (core.nowMs - this.#housekeptMs >= HOUSEKEEPING_MS) this.#housekeep();
    if (core.waiting > 0 && core.nowMs - this.#lookedMs >= this.#lookMs) this.#look();
    if (core.recount) this.#admit();
    if (core.freed) serveLines(core);
    core.turn = (core.turn + 1) | 0;
    const accepts = core.totals.process[PROCESS_TOTALS.ACCEPTS]!;
    this.#drive(Math.min(mostMs, this.#waitMs()));
    if (core.draining && this.#accepting) {
      // The kernel's queue is empty: nobody is turned away by what follows. Where listeners are
      // shut, it is left to whoever has the sockets next.
      if (core.totals.process[PROCESS_TOTALS.ACCEPTS] === accepts) this.#stopAccepting();
    }
    if (core.draining && !this.#accepting) this.#checkDrained();
  }

  /** One turn of the driver. */
  #drive(waitMs: number): void {
    this.dispatch.waiting();
    const done = this.driver.turn(this.dispatch, waitMs);
    this.dispatch.settle();
    if (done < 0) throw new Error(`the event loop broke: errno ${-done}`);
    this.#count(done);
  }

  handle(message: ToWorker): void {
    switch (message.type) {
      case "plan":
        this.#swap(message.plan, message.listeners);
        return;
      case "drain":
        this.#drain(message.withinMs);
        return;
      case "stop":
        this.#drain(0);
    }
  }

  /** How long the next wait may be: until a deadline, or the next housekeeping that is needed. */
  #waitMs(): number {
    const core = this.core;
    if (core.draining && this.#accepting) return 0;
    const wait = core.timers.waitMs(core.nowMs);
    if (core.waiting > 0) return Math.min(wait, this.#lookMs);
    return core.draining || core.shut ? Math.min(wait, HOUSEKEEPING_MS) : wait;
  }

  #look(): void {
    this.#lookedMs = this.core.nowMs;
    this.core.freed = true;
  }

  #setClock(now: number): void {
    this.#wallOffset = this.#clock.wallMs() - now;
    this.dispatch.wallOffset = this.#wallOffset;
  }

  #count(done: number): void {
    const core = this.core;
    const cells = this.#board.workers;
    const totals = core.totals.process;
    totals[PROCESS_TOTALS.TURNS]!++;
    totals[PROCESS_TOTALS.COMPLETIONS]! += done;
    totals[PROCESS_TOTALS.SYSCALLS] = this.driver.systemCalls;
    totals[PROCESS_TOTALS.NO_BUFFERS] = this.driver.starved;
    cells[this.#row + WORKER.BEAT] = (cells[this.#row + WORKER.BEAT]! + 1) | 0;
    cells[this.#row + WORKER.CONNECTIONS] = core.connections;
    cells[this.#row + WORKER.UPSTREAMS] = core.upstreamCount;
    cells[this.#row + WORKER.REQUESTS] = core.requests;
  }

  /**
   * Obeys operators' words on frontends, and clears servers that control wants cleared.
   */
  #housekeep(): void {
    const core = this.core;
    this.#housekeptMs = core.nowMs;
    this.#setClock(core.nowMs);
    this.core.totals.process[PROCESS_TOTALS.BUSY_MS] = this.#busyBefore + threadBusyMs();
    this.#admit();
    for (const server of core.runtime.servers) {
      if (!server) continue;
      if (server.retired && server.idleFirst >= 0) closeAllIdle(core, server);
      const kill = this.#board.servers[server.slot * SERVER.size + SERVER.KILL]!;
      if (kill === server.killSeen) continue;
      server.killSeen = kill;
      closeAllIdle(core, server);
      this.#endSessions(server.slot, CODE.SERVER_DOWN);
    }
  }

  /** Lets clients in as far as there is room. */
  #admit(): void {
    this.core.recount = false;
    admitHeld(this.core);
    if (this.#accepting) this.#listening.look();
  }

  #endSessions(slot: number, code: number): void {
    const core = this.core;
    for (let socket = 0; socket < core.kinds.length; socket++) {
      if (core.kinds[socket] !== KIND.UPSTREAM) continue;
      const row = socket * UP.size;
      if (core.upstreams[row + UP.SERVER] !== slot) continue;
      const state = core.upstreams[row + UP.STATE];
      const x = core.upstreams[row + UP.EXCHANGE]!;
      if ((state === US.BUSY || state === US.CONNECTING) && x >= 0) abortExchange(core, x, code);
    }
  }

  #swap(plan: Plan, listeners: readonly WorkerListener[]): void {
    const core = this.core;
    try {
      core.runtime = createRuntime(plan, this.#board, core.index, core.runtime);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      this.#tell({ type: "refused", generation: plan.generation, message });
      return;
    }
    leaveRetired(core);
    refuseRetired(core);
    this.#listening.take(plan, listeners);
    this.#board.workers[this.#row + WORKER.GENERATION] = plan.generation;
    this.#partIdleClients((slot) => core.runtime.frontends[slot]?.retired ?? true);
    this.#tell({ type: "planned", generation: plan.generation });
  }

  /** Parts from clients that wait for nothing: those of frontends that are gone, or all. */
  #partIdleClients(of: (frontendSlot: number) => boolean): void {
    const core = this.core;
    for (let socket = 0; socket < core.kinds.length; socket++) {
      if (core.kinds[socket] !== KIND.CLIENT) continue;
      const row = socket * CLIENT.size;
      if (core.clients[row + CLIENT.STATE] !== CS.IDLE) continue;
      if (core.clients[row + CLIENT.REQUESTS] === 0) continue;
      if (of(core.clients[row + CLIENT.FRONTEND]!)) partClient(core, socket);
    }
  }

  #drain(withinMs: number): void {
    this.core.draining = true;
    this.#drainUntilMs = this.#clock.monotonicMs() + withinMs;
  }

  #stopAccepting(): void {
    this.#accepting = false;
    this.#listening.end();
    // Connections that it took at the last moment are among those to be served.
    this.#drive(0);
    this.#board.workers[this.#row + WORKER.STATE] = 2;
    this.#partIdleClients(() => true);
    const core = this.core;
    for (let socket = 0; socket < core.kinds.length; socket++) {
      if (core.kinds[socket] !== KIND.UPSTREAM) continue;
      if (core.upstreams[socket * UP.size + UP.STATE] === US.IDLE) closeIdle(core, socket);
    }
  }

  #checkDrained(): void {
    const core = this.core;
    const late = core.nowMs >= this.#drainUntilMs;
    if (core.connections > 0 && !late) return;
    this.ended = true;
    this.#board.workers[this.#row + WORKER.STATE] = 0;
    const cut = core.connections;
    this.driver.destroy();
    this.#tell({ type: "drained", cut });
  }
}
