// @hot
import { FULL } from "#balance/scheduler.ts";
import { CODE } from "#base/errors.ts";
import { BACKEND, BACKEND_GAUGES, BACKEND_TOTALS, SERVER, SERVER_GAUGES } from "#plan/board.ts";
import type { Core } from "./core.ts";
import { failExchange } from "./exchange.ts";
import type { BackendRuntime, ServerRuntime } from "./runtime.ts";
import { N, X, XF, XS } from "./tables.ts";
import { connectServer } from "./upstream.ts";

/** How many waiting requests are tried when a place becomes free. */
const TRIES = 32;

/** Finds a server for the exchange and sends it there; else lets it wait, or answers that there is none. */
export function assign(core: Core, x: number): void {
  const at = x * X.size;
  const backend = core.runtime.backends[core.exchanges[at + X.BACKEND]!]!;
  const position = choose(core, x, backend);
  if (position >= 0) {
    give(core, x, backend, position);
  } else if (position === FULL) {
    enqueue(core, x, backend);
  } else {
    failExchange(core, x, CODE.SERVER_NONE);
  }
}

/** A position to go to now, FULL to wait, NONE when no server may take it. */
function choose(core: Core, x: number, backend: BackendRuntime): number {
  const at = x * X.size;
  refresh(core, backend);
  const stick = core.exchanges[at + X.STICK]!;
  if (stick >= 0) {
    const row = stick * SERVER.size;
    const cells = core.board.servers;
    const server = core.runtime.servers[stick];
    if (server !== undefined && !server.retired) {
      if (cells[row + SERVER.EFFECTIVE]! > 0 || cells[row + SERVER.STICKY]! > 0) {
        return backend.pool.full(server.position) ? FULL : server.position;
      }
    }
    if (!backend.plan.redispatch) return FULL - 1;
    core.exchanges[at + X.STICK] = -1;
  }
  const avoid = core.exchanges[at + X.AVOID]!;
  if (avoid < 0) {
    const picked = backend.scheduler.pick(core.numbers[x * N.size + N.KEY]!, core.nowMs | 0);
    return picked >= 0 && backend.pool.full(picked) ? wait(core, x, backend, picked) : picked;
  }
  backend.pool.avoid = avoid;
  let picked = backend.scheduler.pick(-1, core.nowMs | 0);
  backend.pool.avoid = -1;
  // Nobody else could take it: back to the server that failed, if that may be.
  if (picked < 0) picked = backend.scheduler.pick(-1, core.nowMs | 0);
  return picked;
}

/** A key's own server is full: the request waits for that one. */
function wait(core: Core, x: number, backend: BackendRuntime, position: number): number {
  core.exchanges[x * X.size + X.STICK] = backend.servers[position]!.slot;
  return FULL;
}

/** Takes over what health and operators changed since. */
export function refresh(core: Core, backend: BackendRuntime): void {
  const epoch = Atomics.load(core.board.backends, backend.slot * BACKEND.size + BACKEND.EPOCH);
  if (epoch === backend.epoch) return;
  backend.epoch = epoch;
  if (backend.pool.refresh()) backend.scheduler.changed();
}

function give(core: Core, x: number, backend: BackendRuntime, position: number): void {
  const at = x * X.size;
  const server = backend.servers[position]!;
  const row = server.slot * SERVER.size;
  const limit = core.board.servers[row + SERVER.MAX_CONNECTIONS]!;
  core.totals.serverGauges[server.slot * SERVER_GAUGES.size + SERVER_GAUGES.ACTIVE]!++;
  const active = Atomics.add(core.board.servers, row + SERVER.ACTIVE, 1) + 1;
  if (limit > 0 && active > limit) {
    // Another thread was faster.
    core.totals.serverGauges[server.slot * SERVER_GAUGES.size + SERVER_GAUGES.ACTIVE]!--;
    Atomics.sub(core.board.servers, row + SERVER.ACTIVE, 1);
    enqueue(core, x, backend);
    return;
  }
  if (core.exchanges[at + X.STATE] === XS.QUEUED) leaveQueue(core, x);
  core.totals.backendGauges[backend.slot * BACKEND_GAUGES.size + BACKEND_GAUGES.ACTIVE]!++;
  Atomics.add(core.board.backends, backend.slot * BACKEND.size + BACKEND.ACTIVE, 1);
  core.exchanges[at + X.SERVER] = server.slot;
  core.exchanges[at + X.FLAGS]! |= XF.TAKEN;
  core.numbers[x * N.size + N.ASSIGNED] = core.nowMs;
  backend.pool.begun(position, core.nowMs);
  backend.scheduler.taken(position, core.nowMs);
  connectServer(core, x, backend, server);
}

/** Takes the exchange off its server's count, once. Those who wait may go on. */
export function releaseServer(core: Core, x: number): void {
  const at = x * X.size;
  if ((core.exchanges[at + X.FLAGS]! & XF.TAKEN) === 0) return;
  core.exchanges[at + X.FLAGS]! &= ~XF.TAKEN;
  const slot = core.exchanges[at + X.SERVER]!;
  const backendSlot = core.exchanges[at + X.BACKEND]!;
  core.totals.serverGauges[slot * SERVER_GAUGES.size + SERVER_GAUGES.ACTIVE]!--;
  Atomics.sub(core.board.servers, slot * SERVER.size + SERVER.ACTIVE, 1);
  core.totals.backendGauges[backendSlot * BACKEND_GAUGES.size + BACKEND_GAUGES.ACTIVE]!--;
  Atomics.sub(core.board.backends, backendSlot * BACKEND.size + BACKEND.ACTIVE, 1);
  const backend = core.runtime.backends[backendSlot]!;
  const server = core.runtime.servers[slot]!;
  const n = x * N.size;
  const first = core.numbers[n + N.FIRST]!;
  const took = first < 0 ? -1 : first - core.numbers[n + N.ASSIGNED]!;
  if (!server.retired && !backend.retired) {
    backend.scheduler.dropped(server.position, took, core.nowMs);
  }
  if (backend.queueCount > 0) serveQueue(core, backend);
}

function enqueue(core: Core, x: number, backend: BackendRuntime): void {
  const at = x * X.size;
  const cells = core.exchanges;
  if (cells[at + X.STATE] === XS.QUEUED) return;
  if (backend.queueCount >= backend.plan.queueLimit || backend.retired) {
    failExchange(core, x, CODE.QUEUE_FULL);
    return;
  }
  cells[at + X.STATE] = XS.QUEUED;
  cells[at + X.AHEAD] = backend.queueCount;
  cells[at + X.NEXT] = -1;
  cells[at + X.PREV] = backend.queueLast;
  if (backend.queueLast >= 0) cells[backend.queueLast * X.size + X.NEXT] = x;
  else backend.queueFirst = x;
  backend.queueLast = x;
  backend.queueCount++;
  core.waiting++;
  countQueued(core, backend, cells[at + X.STICK]!, 1);
  core.totals.backends[backend.slot * BACKEND_TOTALS.size + BACKEND_TOTALS.QUEUED]!++;
  core.numbers[x * N.size + N.QUEUED] = core.nowMs;
  core.timers.set(cells[at + X.CLIENT]!, core.nowMs, backend.plan.timeouts.queueMs);
}

/** Takes the exchange out of the queue. Its state is the caller's to set. */
export function leaveQueue(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const backend = core.runtime.backends[cells[at + X.BACKEND]!]!;
  const next = cells[at + X.NEXT]!;
  const prev = cells[at + X.PREV]!;
  if (prev >= 0) cells[prev * X.size + X.NEXT] = next;
  else backend.queueFirst = next;
  if (next >= 0) cells[next * X.size + X.PREV] = prev;
  else backend.queueLast = prev;
  backend.queueCount--;
  core.waiting--;
  cells[at + X.STATE] = XS.CONNECTING;
  countQueued(core, backend, cells[at + X.STICK]!, -1);
  core.timers.clear(cells[at + X.CLIENT]!);
  core.totals.backends[backend.slot * BACKEND_TOTALS.size + BACKEND_TOTALS.QUEUE_MS]! +=
    core.nowMs - core.numbers[x * N.size + N.QUEUED]!;
}

/** Keeps the shared gauges of waiting requests: of the backend, and of the server some wait for. */
function countQueued(core: Core, backend: BackendRuntime, stick: number, by: number): void {
  core.totals.backendGauges[backend.slot * BACKEND_GAUGES.size + BACKEND_GAUGES.QUEUED]! += by;
  Atomics.add(core.board.backends, backend.slot * BACKEND.size + BACKEND.QUEUED, by);
  if (stick < 0) return;
  core.totals.serverGauges[stick * SERVER_GAUGES.size + SERVER_GAUGES.QUEUED]! += by;
  Atomics.add(core.board.servers, stick * SERVER.size + SERVER.QUEUED, by);
}

/** Sends on those of the queue that a server can take now, oldest first. */
export function serveQueue(core: Core, backend: BackendRuntime): void {
  let x = backend.queueFirst;
  for (let tries = 0; x >= 0 && tries < TRIES; tries++) {
    const next = core.exchanges[x * X.size + X.NEXT]!;
    const position = chooseAgain(core, x, backend);
    if (position >= 0) give(core, x, backend, position);
    else if (position !== FULL) {
      failExchange(core, x, CODE.SERVER_NONE);
    } else if (core.exchanges[x * X.size + X.STICK]! < 0) return;
    x = next;
  }
}

/** As choose; the count of those waiting for a server stays right when the request gives that up. */
function chooseAgain(core: Core, x: number, backend: BackendRuntime): number {
  const before = core.exchanges[x * X.size + X.STICK]!;
  const position = choose(core, x, backend);
  const after = core.exchanges[x * X.size + X.STICK]!;
  if (before !== after) {
    countQueued(core, backend, before, -1);
    countQueued(core, backend, after, 1);
  }
  return position;
}

/** Name of the exchange's server for logs, or undefined. */
export function serverOf(core: Core, x: number): ServerRuntime | undefined {
  const slot = core.exchanges[x * X.size + X.SERVER]!;
  return slot < 0 ? undefined : core.runtime.servers[slot];
}
