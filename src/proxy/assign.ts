// @hot
import { FULL, NONE } from "#balance/scheduler.ts";
import { CODE } from "#base/errors.ts";
import { BACKEND, SERVER } from "#plan/board.ts";
import { failExchange } from "./answer.ts";
import { connectServer } from "./connect.ts";
import type { Core } from "./core.ts";
import { countActive } from "./exchange.ts";
import { changeLine, enqueue, leaveLine } from "./line.ts";
import { hasPrecedence, waitsSince } from "./precedence.ts";
import type { BackendRuntime, ServerRuntime } from "./runtime.ts";
import { loseSticky } from "./sticky.ts";
import { N, X, XF, XS } from "./tables.ts";
import { watchClient } from "./watch.ts";

/**
 * Finds a server for the exchange and sends it there; else lets it wait, or answers that there is
 * none. Whoever comes while others wait for the same gets in line behind them.
 */
export function assign(core: Core, x: number): void {
  const backend = core.runtime.backends[core.exchanges[x * X.size + X.BACKEND]!]!;
  const position = choose(core, x, backend);
  if (position >= 0 && !isOvertaking(core, x, backend, position)) give(core, x, backend, position);
  else if (position !== NONE) waitInLine(core, x, backend);
  else failExchange(core, x, CODE.SERVER_NONE);
}

/** Others wait that could go wherever this one can. */
function isOvertaking(core: Core, x: number, backend: BackendRuntime, position: number): boolean {
  if (backend.waiting > 0) {
    if (backend.line.count > 0) return true;
    const stick = core.exchanges[x * X.size + X.STICK]!;
    if (stick >= 0 && core.runtime.servers[stick]!.line.count > 0) return true;
  }
  return !hasPrecedence(core, backend, backend.servers[position]!.slot, core.wallMs | 0);
}

function waitInLine(core: Core, x: number, backend: BackendRuntime): void {
  core.freed = true;
  const code = enqueue(core, x, backend);
  if (code !== 0) failExchange(core, x, code);
  else watchClient(core, x);
}

/** A position to go to now, FULL to wait, NONE when no server may take it. */
function choose(core: Core, x: number, backend: BackendRuntime): number {
  const at = x * X.size;
  refresh(core, backend);
  const stick = core.exchanges[at + X.STICK]!;
  if (stick >= 0) {
    if (isReachable(core, stick)) {
      const position = core.runtime.servers[stick]!.position;
      return backend.pool.full(position) ? FULL : position;
    }
    loseSticky(core, x);
    if (!backend.plan.redispatch) return NONE;
    core.exchanges[at + X.STICK] = -1;
  }
  const now = core.nowMs | 0;
  const avoid = positionOf(core, core.exchanges[at + X.AVOID]!, backend);
  if (avoid < 0) {
    const picked = backend.scheduler.pick(core.numbers[x * N.size + N.KEY]!, now);
    if (picked < 0 || !backend.pool.full(picked)) return picked;
    // A key's own server is full: the request waits for that one.
    core.exchanges[at + X.STICK] = backend.servers[picked]!.slot;
    return FULL;
  }
  backend.pool.avoid = avoid;
  const other = backend.scheduler.pick(-1, now);
  backend.pool.avoid = -1;
  // When nobody else can take it, back to the server that failed, if that may be.
  return other >= 0 ? other : backend.scheduler.pick(-1, now);
}

/** Position of a server in the backend as it is now, or -1. */
function positionOf(core: Core, slot: number, backend: BackendRuntime): number {
  if (slot < 0) return -1;
  const position = core.runtime.servers[slot]!.position;
  return backend.servers[position]?.slot === slot ? position : -1;
}

/** The server may be gone to by those that persistence leads there. */
function isReachable(core: Core, slot: number): boolean {
  if (core.runtime.servers[slot]!.retired) return false;
  const row = slot * SERVER.size;
  const cells = core.board.servers;
  return cells[row + SERVER.EFFECTIVE]! > 0 || cells[row + SERVER.STICKY]! > 0;
}

/** Takes over what health and operators changed since. */
function refresh(core: Core, backend: BackendRuntime): void {
  const epoch = Atomics.load(core.board.backends, backend.slot * BACKEND.size + BACKEND.EPOCH);
  if (epoch === backend.epoch) return;
  backend.epoch = epoch;
  if (backend.pool.refresh()) backend.scheduler.changed();
}

/** Sends the exchange to a server with room. False when another thread was faster. */
function give(core: Core, x: number, backend: BackendRuntime, position: number): boolean {
  const at = x * X.size;
  const cells = core.exchanges;
  const server = backend.servers[position]!;
  const limit = core.board.servers[server.slot * SERVER.size + SERVER.MAX_CONNECTIONS]!;
  const active = countActive(core, backend.slot, server.slot, 1);
  if (limit > 0 && active > limit) {
    countActive(core, backend.slot, server.slot, -1);
    if (cells[at + X.STATE] !== XS.QUEUED) waitInLine(core, x, backend);
    return false;
  }
  if (cells[at + X.STATE] === XS.QUEUED) leaveLine(core, x);
  const avoid = cells[at + X.AVOID]!;
  if (avoid >= 0 && avoid !== server.slot) {
    cells[at + X.FLAGS]! |= XF.REDISPATCHED;
    loseSticky(core, x);
  }
  cells[at + X.SERVER] = server.slot;
  cells[at + X.FLAGS]! |= XF.TAKEN;
  core.numbers[x * N.size + N.ASSIGNED] = core.nowMs;
  backend.pool.begun(position, core.nowMs);
  backend.scheduler.taken(position, core.nowMs | 0);
  const code = connectServer(core, x, backend, server);
  if (code !== 0) failExchange(core, x, code);
  return true;
}

/** Sends on those who wait as far as servers have room, in all backends. */
export function serveLines(core: Core): void {
  core.freed = false;
  const backends = core.runtime.backends;
  for (let i = 0; i < backends.length && core.waiting > 0; i++) {
    const backend = backends[i];
    if (backend !== undefined && backend.waiting > 0) serveBackend(core, backend);
  }
}

/** Whoever came first goes first, over the lines of the backend and of its servers. */
function serveBackend(core: Core, backend: BackendRuntime): void {
  refresh(core, backend);
  dissolveLines(core, backend);
  for (;;) {
    const server = nextServer(core, backend);
    const own = server === undefined ? -1 : server.line.first;
    const any = backend.line.first;
    if (any >= 0 && (own < 0 || isBefore(core, any, own))) {
      const position = choose(core, any, backend);
      if (position >= 0) {
        if (!comesFirst(core, any, backend, position)) return;
        if (!give(core, any, backend, position)) return;
        continue;
      }
      if (position === NONE) {
        failExchange(core, any, CODE.SERVER_NONE);
        continue;
      }
      if (core.exchanges[any * X.size + X.STICK]! >= 0) {
        changeLine(core, any, backend);
        continue;
      }
    }
    if (own < 0 || !comesFirst(core, own, backend, server!.position)) return;
    if (!give(core, own, backend, server!.position)) return;
  }
}

/** Nobody in another thread has waited notably longer for the same server than this one. */
function comesFirst(core: Core, x: number, backend: BackendRuntime, position: number): boolean {
  const server = backend.servers[position]!.slot;
  return hasPrecedence(core, backend, server, waitsSince(core, x));
}

/** Of the servers with room and a line, the one whose first has waited longest. */
function nextServer(core: Core, backend: BackendRuntime): ServerRuntime | undefined {
  let found: ServerRuntime | undefined;
  if (backend.waiting === backend.line.count) return found;
  for (let i = 0; i < backend.servers.length; i++) {
    const server = backend.servers[i]!;
    if (server.line.count === 0 || backend.pool.full(i)) continue;
    if (found === undefined || isBefore(core, server.line.first, found.line.first)) found = server;
  }
  return found;
}

function isBefore(core: Core, a: number, b: number): boolean {
  const ticket = core.exchanges[a * X.size + X.TICKET]!;
  return ((ticket - core.exchanges[b * X.size + X.TICKET]!) | 0) < 0;
}

/** Those who wait for a server that takes nobody any more wait for any, or are told so. */
function dissolveLines(core: Core, backend: BackendRuntime): void {
  if (backend.waiting === backend.line.count) return;
  for (let i = 0; i < backend.servers.length; i++) {
    const server = backend.servers[i]!;
    if (server.line.count > 0 && !isReachable(core, server.slot)) dissolve(core, backend, server);
  }
}

function dissolve(core: Core, backend: BackendRuntime, server: ServerRuntime): void {
  while (server.line.first >= 0) {
    const x = server.line.first;
    loseSticky(core, x);
    if (backend.plan.redispatch || server.retired) {
      core.exchanges[x * X.size + X.STICK] = -1;
      changeLine(core, x, backend);
    } else failExchange(core, x, CODE.SERVER_NONE);
  }
}

/**
 * Takes those who wait for servers that a new Plan does not have to the lines of their backends.
 */
export function leaveRetired(core: Core): void {
  const servers = core.runtime.servers;
  for (let i = 0; i < servers.length; i++) {
    const server = servers[i];
    if (server === undefined || !server.retired || server.line.count === 0) continue;
    const first = server.line.first * X.size;
    dissolve(core, core.runtime.backends[core.exchanges[first + X.BACKEND]!]!, server);
  }
}
