import { setTimeout as delay, setImmediate as nextTurn } from "node:timers/promises";
import { createSlots } from "#config/compile/plan.ts";
import { encodeSockaddr } from "#io/sockaddr.ts";
import { boundAddress, closeFd, listenOn } from "#io/sockets.ts";
import { writeAddress } from "#plan/address-cell.ts";
import {
  BACKEND,
  Board,
  type BoardSizes,
  boardBytes,
  FRONTEND,
  GLOBAL,
  PROCESS_TOTALS,
  SERVER,
  WORKER,
} from "#plan/board.ts";
import type { Plan, ServerPlan } from "#plan/plan.ts";
import { Loop } from "#proxy/loop.ts";
import type { FromWorker } from "#proxy/protocol.ts";
import { planFromText } from "./plan.ts";
import { SimClock } from "./sim-clock.ts";

const SIZES: BoardSizes = {
  workers: 1,
  frontends: 16,
  backends: 16,
  servers: 64,
  logBytes: 1 << 20,
};

/** Turns in a row without a completion after which nothing more is expected to happen. */
const QUIET_TURNS = 25;
/** How long a proxy that should have come to nothing is waited for. */
const GIVEN_UP_MS = 10_000;
/** Turns after which a proxy that should have come to rest is given up. */
const MOST_TURNS = 20_000;

export interface ProxyOptions {
  readonly driver?: "io_uring" | "epoll";
  /** What the configuration says of `engine`, as YAML in flow style; the driver is added. */
  readonly engine?: string;
}

/** What a proxy still holds; all zero but the memory it keeps for itself when all is well. */
export interface Left {
  readonly connections: number;
  readonly upstreams: number;
  readonly exchanges: number;
  readonly pageBytes: number;
  /** Gauges on the Board that are not zero, as text. */
  readonly gauges: readonly string[];
}

/**
 * A worker's loop turned by this process's own event loop, with real sockets on both sides. Its
 * time stands still unless a test lets it pass.
 */
export class TestProxy {
  readonly loop: Loop;
  readonly board: Board;
  readonly clock = new SimClock();
  plan: Plan;
  readonly messages: FromWorker[] = [];
  readonly #options: ProxyOptions;
  readonly #fds = new Map<string, number>();
  readonly #slots = createSlots({ ...SIZES, services: 1 });
  /** Servers as they were published, by slot. */
  readonly #published = new Map<number, string>();
  #turning = true;
  #stopped = false;
  #error: unknown;

  constructor(text: string, options: ProxyOptions = {}) {
    this.#options = options;
    this.plan = this.#planOf(text);
    this.board = new Board(new SharedArrayBuffer(boardBytes(SIZES)), SIZES);
    this.#publish(this.plan);
    const listeners = this.#listen(this.plan);
    const start = { index: 0, boardFd: -1, boardSizes: SIZES, plan: this.plan, listeners };
    this.loop = new Loop(start, this.board, (message) => this.messages.push(message), this.clock);
    this.#turn();
  }

  #planOf(text: string): Plan {
    const driver = this.#options.driver ?? "io_uring";
    const engine = this.#options.engine ?? "maxConnections: 400, memory: 32m";
    const whole = `engine: { driver: ${driver}, threads: 1, ${engine} }\n${text}`;
    return planFromText(whole, { slots: this.#slots });
  }

  #listen(plan: Plan): { key: string; fd: number }[] {
    const binds = plan.frontends.flatMap((f) => f.binds);
    for (const bind of binds) {
      if (this.#fds.has(bind.key)) continue;
      this.#fds.set(bind.key, listenOn(bind.address, { backlog: bind.backlog }));
    }
    return binds.map(({ key }) => ({ key, fd: this.#fds.get(key)! }));
  }

  #turn(): void {
    if (!this.#turning || this.loop.ended) return;
    try {
      this.loop.turn(() => {}, 0);
    } catch (error) {
      this.#error = error;
      this.#turning = false;
      throw error;
    }
    setImmediate(() => this.#turn());
  }

  /**
   * Gives every server that is new or changed its address and weight, as health does at a start.
   */
  #publish(plan: Plan): void {
    for (const { slot, maxConnections } of plan.frontends) {
      this.board.frontends[slot * FRONTEND.size + FRONTEND.MAX_CONNECTIONS] = maxConnections;
    }
    for (const backend of plan.backends) {
      for (const server of backend.servers) {
        const now = JSON.stringify(server);
        if (this.#published.get(server.slot) !== now) this.#publishServer(server);
        this.#published.set(server.slot, now);
      }
      this.#touch(backend.slot);
    }
  }

  #publishServer(server: ServerPlan): void {
    const memory = new Uint8Array(128);
    const row = server.slot * SERVER.size;
    const bytes = encodeSockaddr(server.address, memory, 0);
    writeAddress(this.board, server.slot, memory, 0, bytes);
    const usable = !server.backup && server.admin === "ready";
    this.board.servers[row + SERVER.EFFECTIVE] = usable ? server.weight * 256 : 0;
    this.board.servers[row + SERVER.STICKY] = server.admin === "drain" ? 1 : 0;
    this.board.servers[row + SERVER.WEIGHT] = server.weight;
    this.board.servers[row + SERVER.MAX_CONNECTIONS] = server.maxConnections;
  }

  #touch(backendSlot: number): void {
    Atomics.add(this.board.backends, backendSlot * BACKEND.size + BACKEND.EPOCH, 1);
  }

  /** Ports of the present Plan's binds, in the order they are written. */
  get ports(): readonly number[] {
    const keys = this.plan.frontends.flatMap((f) => f.binds.map((b) => b.key));
    return keys.map((key) => {
      const address = boundAddress(this.#fds.get(key)!);
      return "port" in address ? address.port : 0;
    });
  }

  get port(): number {
    return this.ports[0]!;
  }

  /** Lets the proxy and this process's sockets work until nothing happens any more. */
  async quiet(): Promise<void> {
    const totals = this.board.totals[0]!.process;
    let before = -1;
    for (let still = 0, n = 0; still < QUIET_TURNS && n < MOST_TURNS; n++) {
      await nextTurn();
      if (this.#error) throw this.#error;
      const done = totals[PROCESS_TOTALS.COMPLETIONS]!;
      still = done === before ? still + 1 : 0;
      before = done;
    }
  }

  /**
   * As quiet, and longer while anything is still connected: some of the kernel's work goes on in
   * threads of its own, which wait for a processor like anybody else. What is there after
   * GIVEN_UP_MS is there for good.
   */
  async empty(): Promise<void> {
    const { core } = this.loop;
    const end = performance.now() + GIVEN_UP_MS;
    await this.quiet();
    while (core.connections + core.upstreamCount + core.exchangesInUse > 0) {
      if (performance.now() > end) return;
      await delay(1);
      await this.quiet();
    }
  }

  /** As empty, until the worker has ended. */
  async over(): Promise<void> {
    const end = performance.now() + GIVEN_UP_MS;
    await this.quiet();
    while (!this.loop.ended && performance.now() < end) {
      await delay(1);
      await this.quiet();
    }
  }

  /** Lets time pass, after what is under way and before what follows from it. */
  async advance(ms: number): Promise<void> {
    await this.quiet();
    this.clock.advance(ms);
    await this.quiet();
  }

  /** Complete lines of the access log so far. */
  log(): string[] {
    const ring = this.board.totals[0]!.log;
    const head = this.board.workers[WORKER.LOG_HEAD]! >>> 0;
    const lines: string[] = [];
    for (let at = 0; at < head; ) {
      const bytes = ring[at]! | (ring[at + 1]! << 8) | (ring[at + 2]! << 16);
      const line = Buffer.from(ring.subarray(at + 4, at + 4 + bytes));
      lines.push(line.toString("latin1").trimEnd());
      at += 4 + ((bytes + 3) & ~3);
    }
    return lines;
  }

  /** Swaps to another configuration; binds are matched by what is written. */
  async reload(text: string): Promise<void> {
    this.plan = this.#planOf(text);
    this.#publish(this.plan);
    const listeners = this.#listen(this.plan);
    this.loop.handle({ type: "plan", plan: this.plan, listeners });
    await this.quiet();
    for (const [key, fd] of this.#fds) {
      if (listeners.some((l) => l.key === key)) continue;
      closeFd(fd);
      this.#fds.delete(key);
    }
  }

  /** Board slot of a server. */
  slot(backend: string, server: string): number {
    const found = this.plan.backends.find((b) => b.name === backend)!;
    return found.servers.find((s) => s.name === server)!.slot;
  }

  /** Sets cells of a server's row, as health or an operator would. */
  server(
    backend: string,
    server: string,
    cells: Partial<Record<Exclude<keyof typeof SERVER, "size" | "columns">, number>>,
  ): void {
    const row = this.slot(backend, server) * SERVER.size;
    for (const [column, value] of Object.entries(cells)) {
      this.board.servers[row + (SERVER as unknown as Record<string, number>)[column]!] = value;
    }
    this.#touch(this.plan.backends.find((b) => b.name === backend)!.slot);
  }

  /** A server's row on the Board now. */
  cell(backend: string, server: string, column: "ACTIVE" | "QUEUED" | "IDLE" | "FAILURES"): number {
    return this.board.servers[this.slot(backend, server) * SERVER.size + SERVER[column]]!;
  }

  /** What is there now. */
  left(): Left {
    const { core } = this.loop;
    return {
      connections: core.connections,
      upstreams: core.upstreamCount,
      exchanges: core.exchangesInUse,
      pageBytes: this.loop.driver.pages.usedBytes,
      gauges: this.#gauges(),
    };
  }

  #gauges(): string[] {
    const own = this.board.totals[0]!;
    const sum = (cells: Int32Array, size: number, columns: number[]): number[] =>
      columns.map((c) => cells.reduce((s, v, i) => (i % size === c ? s + v : s), 0));
    const servers = [SERVER.ACTIVE, SERVER.QUEUED, SERVER.IDLE];
    const found = {
      connections: this.board.frontends.reduce((s, v, i) => (i % 4 === 2 ? s + v : s), 0),
      all: this.board.global[GLOBAL.CONNECTIONS]!,
      backends: sum(this.board.backends, BACKEND.size, [BACKEND.ACTIVE, BACKEND.QUEUED]).join(),
      servers: sum(this.board.servers, SERVER.size, servers).join(),
      ownProcess: own.processGauges.join(),
      ownFrontends: own.frontendGauges.join(),
      ownBackends: own.backendGauges.join(),
      ownServers: own.serverGauges.join(),
    };
    return Object.entries(found)
      .filter(([, value]) => /[1-9]/.test(String(value)))
      .map(([name, value]) => `${name}: ${value}`);
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** Ends everything at once. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#turning = false;
    if (!this.loop.ended) this.loop.driver.destroy();
    for (const fd of this.#fds.values()) closeFd(fd);
  }
}
