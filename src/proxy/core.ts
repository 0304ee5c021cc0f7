import { TimerWheel } from "#base/timer-wheel.ts";
import { ChunkOut } from "#http/chunked.ts";
import { Head, type HeadLimits } from "#http/head.ts";
import type { Driver } from "#io/driver.ts";
import { PAGE_SIZES } from "#io/pages.ts";
import { type Board, PROCESS_TOTALS, type WorkerTotals } from "#plan/board.ts";
import { HeaderEdits, Verdict } from "#rules/types.ts";
import { View } from "#rules/view.ts";
import type { AccessLog } from "./access-log.ts";
import type { Runtime } from "./runtime.ts";
import { CLIENT, N, UP, X } from "./tables.ts";

/**
 * Where descriptors are few, clients do not take those that their requests need, a quarter of them.
 */
const SOCKETS_FOR_SERVERS = 1024;

/**
 * Everything one worker works on, in one place. It has state and no behaviour beyond handing out
 * rows; what happens to a connection is in the modules that take a Core as their first argument.
 *
 *   socket ──► kinds ──► clients row ──► exchanges row ◄── upstreams row ◄── socket
 */
export class Core {
  readonly transport: Driver;
  readonly memory: Uint8Array;
  readonly board: Board;
  readonly index: number;
  readonly totals: WorkerTotals;
  readonly log: AccessLog;
  runtime: Runtime;

  /** KIND.* by socket. */
  readonly kinds: Uint8Array;
  /** Board slot of a listener's frontend, by listener; -1 = none. */
  readonly listeners = new Int32Array(1024).fill(-1);
  readonly clients: Int32Array;
  readonly upstreams: Int32Array;
  readonly exchanges: Int32Array;
  readonly numbers: Float64Array;
  readonly timers: TimerWheel;
  /** Response edits that the rules asked for, by exchange; kept between requests. */
  readonly edits: (HeaderEdits | undefined)[] = [];

  /** Arena offset with room for one socket address. */
  readonly addressScratch: number;
  readonly chunk = new ChunkOut();
  readonly limits: HeadLimits;
  readonly requestHead: Head;
  readonly responseHead: Head;
  readonly view: View;
  readonly verdict = new Verdict();
  /** Client's address as 16 bytes, filled for each request. */
  readonly peer = new Uint8Array(16);

  /** Milliseconds, read once a turn; `nowMs` only goes forward, `wallMs` is the calendar's. */
  nowMs = 0.5;
  wallMs = 0.5;
  /** Of clients, those that are held among them. */
  connections = 0;
  /** Sockets of clients that wait for room, the longest first; see admission.ts. */
  readonly held: Int32Array;
  heldCount = 0;
  /** Listeners are shut because a limit is reached, or connections are held. */
  shut = false;
  /** A limit of connections was reached or may have room: listeners are to be looked at. */
  recount = false;
  upstreamCount = 0;
  requests = 0;
  /** Requests in the lines of all backends. */
  waiting = 0;
  /** A server may have room since the lines were last served. */
  freed = false;
  /** Ticket of the next request that gets in a line; an int32 that wraps. */
  ticket = 0;
  /** Number of the loop's turn; an int32 that wraps. */
  turn = 0;
  draining = false;
  /** Clients at once, over all workers. */
  readonly maxConnections: number;
  /** Clients at once here: what the sockets there are leave room for. */
  readonly mostClients: number;
  readonly #free: Int32Array;
  #freeCount: number;

  constructor(
    transport: Driver,
    board: Board,
    index: number,
    runtime: Runtime,
    log: AccessLog,
    nowMs: number,
  ) {
    const engine = runtime.plan.engine;
    const sockets = transport.sockets;
    this.transport = transport;
    this.memory = transport.memory;
    this.board = board;
    this.index = index;
    this.totals = board.totals[index]!;
    this.log = log;
    this.runtime = runtime;
    this.addressScratch = transport.pages.take(0);
    const forServers = Math.min(SOCKETS_FOR_SERVERS, sockets >> 2);
    this.maxConnections = engine.maxConnections;
    this.mostClients = sockets - forServers;
    this.limits = {
      headBytes: engine.maxHeadBytes,
      headers: engine.maxHeaders,
      uriBytes: engine.maxUriBytes,
    };
    this.held = new Int32Array(sockets);
    this.kinds = new Uint8Array(sockets);
    this.clients = new Int32Array(sockets * CLIENT.size);
    this.upstreams = new Int32Array(sockets * UP.size);
    this.exchanges = new Int32Array(sockets * X.size);
    this.numbers = new Float64Array(sockets * N.size);
    this.timers = new TimerWheel(sockets, nowMs);
    this.requestHead = new Head(engine.maxHeaders);
    this.responseHead = new Head(engine.maxHeaders);
    this.view = new View(this.requestHead, engine.maxUriBytes);
    this.#free = new Int32Array(sockets);
    for (let i = 0; i < sockets; i++) this.#free[i] = sockets - 1 - i;
    this.#freeCount = sockets;
  }

  /** A zeroed exchange row: its number, or -1 when all are in use. */
  takeExchange(): number {
    if (this.#freeCount === 0) return -1;
    const x = this.#free[--this.#freeCount]!;
    const at = x * X.size;
    this.exchanges.fill(0, at, at + X.size);
    return x;
  }

  giveExchange(x: number): void {
    this.exchanges[x * X.size + X.STATE] = 0;
    this.#free[this.#freeCount++] = x;
  }

  get exchangesInUse(): number {
    return this.#free.length - this.#freeCount;
  }

  /**
   * A page for new work, or to do some faster: only while enough is left for every exchange under
   * way to be answered. -1 when there is none.
   */
  takePage(sizeClass: number): number {
    const pages = this.transport.pages;
    const enough = this.exchangesInUse * PAGE_SIZES[0]! + PAGE_SIZES[PAGE_SIZES.length - 1]!;
    const page = pages.spareBytes < enough ? -1 : pages.take(sizeClass);
    if (page < 0) this.totals.process[PROCESS_TOTALS.NO_PAGES]!++;
    return page;
  }

  count(total: number): void {
    this.totals.process[total]!++;
  }
}

/** Edits kept for an exchange until its answer comes. Allocates the first time a row is used so. */
export function keepEdits(core: Core, x: number, edits: HeaderEdits): void {
  const kept = core.edits[x] ?? new HeaderEdits();
  kept.count = 0;
  for (let i = 0; i < edits.count; i++) kept.add(edits.items[i]!);
  core.edits[x] = kept;
}
