import type { KeySpec } from "#balance/key.ts";
import type { Scheduler } from "#balance/scheduler.ts";
import { schedulerByName } from "#balance/schedulers/index.ts";
import { latin1, utf8 } from "#base/bytes.ts";
import { hashText } from "#base/hash.ts";
import type { Board } from "#plan/board.ts";
import type { BackendPlan, FrontendPlan, Plan, ServerPlan } from "#plan/plan.ts";
import { compileRules } from "#rules/compile.ts";
import type { Rules } from "#rules/types.ts";
import { createPages, type ErrorPages } from "./error-pages.ts";
import { LOG_FORMATS } from "./log-format.ts";
import type { LogFormatter } from "./log-record.ts";
import { compilePersistence, type Persistence } from "./persistence.ts";
import { BoardPool } from "./pool.ts";

/** Exchanges that wait, first in first out, linked by X.NEXT and X.PREV; see line.ts. */
export class Line {
  first = -1;
  last = -1;
  count = 0;
}

/**
 * What a worker makes of a Plan: one object for each frontend, backend and server, found by Board
 * slot. Hot code reads them; only `adopt` makes them. A server's object outlives a Plan as long as
 * its slot keeps its meaning, so its idle connections stay with it.
 */
export class ServerRuntime {
  readonly slot: number;
  readonly name: Uint8Array;
  plan: ServerPlan;
  /** Place in its backend's pool, which a new Plan may change. */
  position = 0;
  /** Most recently used idle connection (socket), -1 = none; linked by UP.NEXT. */
  idleFirst = -1;
  idleLast = -1;
  idleCount = 0;
  /** Requests that must go to this server and wait until it has room. */
  readonly line = new Line();
  /** Not in the Plan any more: what is under way ends, nothing new begins. */
  retired = false;
  /** SERVER.KILL as last obeyed. */
  killSeen = 0;
  /** SERVER.ADDRESS_SEQ of the idle connections. */
  addressSeen = 0;

  constructor(plan: ServerPlan) {
    this.slot = plan.slot;
    this.name = latin1(plan.name);
    this.plan = plan;
  }
}

export class BackendRuntime {
  readonly slot: number;
  readonly name: Uint8Array;
  readonly plan: BackendPlan;
  readonly servers: readonly ServerRuntime[];
  readonly pool: BoardPool;
  readonly scheduler: Scheduler;
  readonly key: KeySpec | undefined;
  readonly persistence: Persistence | undefined;
  /** BACKEND.EPOCH that pool and scheduler have seen. */
  epoch: number;
  /** Requests that wait for any server. */
  line = new Line();
  /** Requests in that line and in those of the servers. */
  waiting = 0;
  /** When room was last left to another thread, see precedence.ts. */
  leftMs = -1e9;
  retired = false;
  /** How a lost request may be repeated, from `retryOn`. */
  readonly retryEmpty: boolean;
  readonly retryTimeout: boolean;
  readonly retryConnect: boolean;
  readonly retryStatus: Uint8Array;
  /** Most bytes of the cookie lines that persistence adds to an answer. */
  readonly cookieBytes: number;

  constructor(plan: BackendPlan, servers: readonly ServerRuntime[], board: Board, seed: number) {
    this.slot = plan.slot;
    this.name = latin1(plan.name);
    this.plan = plan;
    this.servers = servers;
    for (const [position, server] of servers.entries()) server.position = position;
    const identity = Int32Array.from(servers, (s) => hashText(s.plan.name) | 0);
    const slots = servers.map((s) => s.slot);
    this.epoch = 0;
    this.pool = new BoardPool(board, plan.slot, slots, identity);
    const type = schedulerByName(plan.balance.name)!;
    const options = plan.balance.options as never;
    this.scheduler = type.create(this.pool, options, seed);
    this.key = type.key?.(options);
    this.persistence = plan.cookie && compilePersistence(plan.cookie, plan.servers);
    this.cookieBytes = this.persistence === undefined ? 0 : cookieLineBytes(this.persistence);
    this.retryConnect = plan.retryOn.includes("connect");
    this.retryEmpty = plan.retryOn.includes("empty");
    this.retryTimeout = plan.retryOn.includes("timeout");
    this.retryStatus = new Uint8Array(600);
    for (const word of plan.retryOn) if (/^\d+$/.test(word)) this.retryStatus[Number(word)] = 1;
  }
}

function cookieLineBytes(persistence: Persistence): number {
  const lines = Math.max(0, ...persistence.lines.map((line) => line.length));
  return lines + persistence.expiry.length;
}

export class FrontendRuntime {
  readonly slot: number;
  readonly name: Uint8Array;
  readonly plan: FrontendPlan;
  /** undefined: the default backend takes everything. */
  readonly rules: Rules | undefined;
  /** Board slots of Plan.backends by index, as rules name them. */
  readonly backendSlots: readonly number[];
  readonly logIndex: number;
  readonly format: LogFormatter | undefined;
  readonly pages: ErrorPages;
  /** `Via` as we write it, without version: ` pseudonym\r\n`; empty = none. */
  readonly via: Uint8Array;
  retired = false;

  constructor(plan: FrontendPlan, whole: Plan) {
    this.slot = plan.slot;
    this.name = latin1(plan.name);
    this.plan = plan;
    this.backendSlots = whole.backends.map((b) => b.slot);
    const byName = new Map(whole.backends.map((b, i) => [b.name, i]));
    this.rules =
      plan.rules.length === 0
        ? undefined
        : compileRules(plan.rules, { backend: (name) => byName.get(name) ?? -1 });
    const log = plan.log < 0 ? undefined : whole.logs[plan.log]!;
    this.logIndex = plan.log;
    this.format = !log || log.format === "none" ? undefined : LOG_FORMATS[log.format];
    this.pages = createPages(plan.errorPages);
    this.via = plan.forwarded.via === undefined ? utf8("") : utf8(` ${plan.forwarded.via}\r\n`);
  }
}

/** Everything a worker knows of the Plan in force. */
export interface Runtime {
  readonly plan: Plan;
  /** By Board slot. */
  readonly frontends: (FrontendRuntime | undefined)[];
  readonly backends: (BackendRuntime | undefined)[];
  readonly servers: (ServerRuntime | undefined)[];
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/**
 * The runtime of a new Plan. Objects of parts that did not change are taken over from `old`, so
 * their queues, idle connections and schedulers go on undisturbed; `old` must not be used
 * afterwards. Throws on a Plan that cannot be compiled, leaving `old` as it was.
 */
export function createRuntime(plan: Plan, board: Board, seed: number, old?: Runtime): Runtime {
  const servers: (ServerRuntime | undefined)[] = [];
  const backends: (BackendRuntime | undefined)[] = [];
  const frontends: (FrontendRuntime | undefined)[] = [];
  const indices = plan.backends.map((b) => [b.name, b.slot]);
  const oldIndices = old?.plan.backends.map((b) => [b.name, b.slot]);
  for (const backend of plan.backends) {
    const before = present(old?.backends[backend.slot]);
    if (before && same(before.plan, backend)) {
      backends[backend.slot] = before;
      for (const server of before.servers) servers[server.slot] = server;
      continue;
    }
    const members = backend.servers.map((server) => {
      const known = present(old?.servers[server.slot]);
      const kept = known && known.plan.name === server.name && before?.plan.name === backend.name;
      const member = kept ? known : new ServerRuntime(server);
      servers[server.slot] = member;
      return member;
    });
    const made = new BackendRuntime(backend, members, board, seed);
    if (before) {
      made.line = before.line;
      made.waiting = before.waiting;
    }
    backends[backend.slot] = made;
  }
  for (const frontend of plan.frontends) {
    const before = present(old?.frontends[frontend.slot]);
    const unchanged =
      before &&
      same(before.plan, frontend) &&
      same(indices, oldIndices) &&
      same(plan.logs, old?.plan.logs);
    frontends[frontend.slot] = unchanged ? before : new FrontendRuntime(frontend, plan);
  }
  for (const backend of plan.backends) {
    for (const [i, server] of backend.servers.entries()) {
      backends[backend.slot]!.servers[i]!.plan = server;
    }
  }
  retire(frontends, old?.frontends);
  retire(backends, old?.backends);
  retire(servers, old?.servers);
  return { plan, frontends, backends, servers };
}

/** A part that is not retired; one that is means something else than its slot does now. */
const present = <T extends { retired: boolean }>(part: T | undefined): T | undefined =>
  part?.retired ? undefined : part;

/**
 * Parts that left the Plan stay until their slot means something else: exchanges may still end
 * there.
 */
function retire<T extends { retired: boolean }>(
  now: (T | undefined)[],
  before: readonly (T | undefined)[] | undefined,
): void {
  before?.forEach((part, slot) => {
    if (!part || now[slot]) return;
    part.retired = true;
    now[slot] = part;
  });
}
