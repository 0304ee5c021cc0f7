// @hot
import { SERVER, SERVER_GAUGES } from "#plan/board.ts";
import type { Core } from "./core.ts";
import type { BackendRuntime, ServerRuntime } from "./runtime.ts";
import { UP, US, X, XF } from "./tables.ts";

/**
 * Connections to servers that wait for the next request: a list for each server, the one used last
 * in front. A receive is under way on every one, so that its end, or bytes that nobody asked for,
 * are seen.
 */

/** Under `reuse: safe`, a request that may not be repeated takes no connection idle for longer. */
const SAFE_IDLE_MS = 1000;

/**
 * Turns that must begin after a connection was put aside before it is used again. What the server
 * sent behind its answer is reported by then, and the connection closed: no other client gets to
 * see it.
 */
const TURNS_APART = 2;

export function keepIdle(
  core: Core,
  upstream: number,
  backend: BackendRuntime,
  server: ServerRuntime,
): void {
  const row = upstream * UP.size;
  core.upstreams[row + UP.STATE] = US.IDLE;
  core.upstreams[row + UP.IDLE_TICK] = core.nowMs | 0;
  core.upstreams[row + UP.IDLE_TURN] = core.turn;
  core.upstreams[row + UP.NEXT] = server.idleFirst;
  core.upstreams[row + UP.PREV] = -1;
  if (server.idleFirst >= 0) core.upstreams[server.idleFirst * UP.size + UP.PREV] = upstream;
  else server.idleLast = upstream;
  server.idleFirst = upstream;
  server.idleCount++;
  core.totals.serverGauges[server.slot * SERVER_GAUGES.size + SERVER_GAUGES.IDLE]!++;
  Atomics.add(core.board.servers, server.slot * SERVER.size + SERVER.IDLE, 1);
  core.timers.set(upstream, core.nowMs, backend.plan.idleMs);
  receiveAnswer(core, upstream);
  if (server.idleCount > backend.plan.idleLimit) closeIdle(core, server.idleLast);
}

/** Asks for bytes of the server unless that was done, as it was for a connection that lay idle. */
export function receiveAnswer(core: Core, upstream: number): void {
  const cell = upstream * UP.size + UP.RECEIVING;
  if (core.upstreams[cell] === 1) return;
  core.upstreams[cell] = 1;
  core.transport.receive(upstream);
}

function unlinkIdle(core: Core, upstream: number): void {
  const row = upstream * UP.size;
  const server = core.runtime.servers[core.upstreams[row + UP.SERVER]!]!;
  const next = core.upstreams[row + UP.NEXT]!;
  const prev = core.upstreams[row + UP.PREV]!;
  if (prev >= 0) core.upstreams[prev * UP.size + UP.NEXT] = next;
  else server.idleFirst = next;
  if (next >= 0) core.upstreams[next * UP.size + UP.PREV] = prev;
  else server.idleLast = prev;
  server.idleCount--;
  core.totals.serverGauges[server.slot * SERVER_GAUGES.size + SERVER_GAUGES.IDLE]!--;
  Atomics.sub(core.board.servers, server.slot * SERVER.size + SERVER.IDLE, 1);
}

/** Closes a connection that no exchange has. */
export function shut(core: Core, upstream: number): void {
  core.upstreams[upstream * UP.size + UP.EXCHANGE] = -1;
  core.upstreams[upstream * UP.size + UP.STATE] = US.CLOSING;
  core.timers.clear(upstream);
  core.transport.close(upstream, false);
}

/** Closes an idle connection. */
export function closeIdle(core: Core, upstream: number): void {
  unlinkIdle(core, upstream);
  shut(core, upstream);
}

/** Closes every idle connection to a server, as when its address changed. */
export function closeAllIdle(core: Core, server: ServerRuntime): void {
  while (server.idleFirst >= 0) closeIdle(core, server.idleFirst);
}

/**
 * The connection used last among the idle ones that this request may go over, taken off the list;
 * -1 when there is none.
 */
export function takeIdle(
  core: Core,
  x: number,
  backend: BackendRuntime,
  server: ServerRuntime,
): number {
  const sequence = core.board.servers[server.slot * SERVER.size + SERVER.ADDRESS_SEQ]!;
  if (sequence !== server.addressSeen) {
    closeAllIdle(core, server);
    server.addressSeen = sequence;
  }
  if (backend.plan.reuse === "never") return -1;
  const flags = core.exchanges[x * X.size + X.FLAGS]!;
  if ((flags & XF.FRESH) !== 0) return -1;
  let upstream = server.idleFirst;
  while (upstream >= 0 && !isSettled(core, upstream)) {
    upstream = core.upstreams[upstream * UP.size + UP.NEXT]!;
  }
  if (upstream < 0) return -1;
  if (backend.plan.reuse === "safe" && (flags & XF.IDEMPOTENT) === 0) {
    const since = core.upstreams[upstream * UP.size + UP.IDLE_TICK]!;
    if (((core.nowMs - since) | 0) > SAFE_IDLE_MS) return -1;
  }
  unlinkIdle(core, upstream);
  return upstream;
}

function isSettled(core: Core, upstream: number): boolean {
  const since = core.upstreams[upstream * UP.size + UP.IDLE_TURN]!;
  return ((core.turn - since) | 0) >= TURNS_APART;
}
