// @hot
import { CODE } from "#base/errors.ts";
import { FRAMING } from "#http/head.ts";
import { readAddress } from "#plan/address-cell.ts";
import { PROCESS_TOTALS, SERVER, SERVER_GAUGES, SERVER_TOTALS } from "#plan/board.ts";
import type { Core } from "./core.ts";
import { dropUpstream, failExchange, unhold } from "./exchange.ts";
import { beginUpload, relayReceived, relaySent, relaySpliced } from "./relay.ts";
import { responseReceived } from "./response.ts";
import { retry } from "./retry.ts";
import type { BackendRuntime, ServerRuntime } from "./runtime.ts";
import { KIND, N, RELAY, RS, UP, US, X, XF, XS } from "./tables.ts";

/** A request that may not be repeated goes only over a connection used as short a time ago as this. */
const FRESH_MS = 1000;

/** Sends the exchange's request to its server, over a connection kept from before or a new one. */
export function connectServer(
  core: Core,
  x: number,
  backend: BackendRuntime,
  server: ServerRuntime,
): void {
  const idle = takeIdle(core, x, backend, server);
  if (idle >= 0) {
    core.totals.servers[server.slot * SERVER_TOTALS.size + SERVER_TOTALS.REUSES]!++;
    core.exchanges[x * X.size + X.FLAGS]! |= XF.REUSED;
    core.numbers[x * N.size + N.CONNECTED] = core.nowMs;
    sendRequest(core, x, idle, backend);
    return;
  }
  openUpstream(core, x, backend, server);
}

function openUpstream(core: Core, x: number, backend: BackendRuntime, server: ServerRuntime): void {
  const at = x * X.size;
  core.exchanges[at + X.STATE] = XS.CONNECTING;
  core.exchanges[at + X.FLAGS]! &= ~XF.REUSED;
  const limit = core.transport.sockets;
  const scratch = core.addressScratch;
  const bytes = readAddress(core.board, server.slot, core.memory, scratch);
  if (bytes <= 0) {
    retry(core, x, CODE.CONNECT_REFUSED);
    return;
  }
  const family = core.memory[scratch]! | (core.memory[scratch + 1]! << 8);
  const upstream = core.upstreamCount < limit ? core.transport.open(family) : -24;
  if (upstream < 0) {
    core.totals.process[PROCESS_TOTALS.NO_SLOTS]!++;
    failExchange(core, x, CODE.RESOURCE_EXHAUSTED);
    return;
  }
  core.memory.copyWithin(core.transport.peerAt(upstream), scratch, scratch + bytes);
  const row = upstream * UP.size;
  core.kinds[upstream] = KIND.UPSTREAM;
  core.upstreams.fill(0, row, row + UP.size);
  core.upstreams[row + UP.STATE] = US.CONNECTING;
  core.upstreams[row + UP.BACKEND] = backend.slot;
  core.upstreams[row + UP.SERVER] = server.slot;
  core.upstreams[row + UP.EXCHANGE] = x;
  core.exchanges[at + X.UPSTREAM] = upstream;
  core.upstreamCount++;
  core.totals.servers[server.slot * SERVER_TOTALS.size + SERVER_TOTALS.CONNECTS]!++;
  core.transport.connect(upstream, bytes);
  core.timers.set(upstream, core.nowMs, backend.plan.timeouts.connectMs);
}

export function upstreamConnected(core: Core, upstream: number, result: number): void {
  const x = core.upstreams[upstream * UP.size + UP.EXCHANGE]!;
  const backend = core.runtime.backends[core.exchanges[x * X.size + X.BACKEND]!]!;
  if (result < 0) {
    retry(core, x, CODE.CONNECT_REFUSED);
    return;
  }
  core.numbers[x * N.size + N.CONNECTED] = core.nowMs;
  sendRequest(core, x, upstream, backend);
}

function sendRequest(core: Core, x: number, upstream: number, backend: BackendRuntime): void {
  const at = x * X.size;
  const row = upstream * UP.size;
  core.exchanges[at + X.STATE] = XS.WAITING;
  core.exchanges[at + X.UPSTREAM] = upstream;
  core.upstreams[row + UP.STATE] = US.BUSY;
  core.upstreams[row + UP.EXCHANGE] = x;
  core.upstreams[row + UP.REQUESTS]!++;
  const bytes = core.exchanges[at + X.HEAD_BYTES]!;
  core.transport.send(upstream, core.exchanges[at + X.PAGE]!, bytes, false);
  receiveAnswer(core, upstream);
  core.timers.set(upstream, core.nowMs, backend.plan.timeouts.serverMs);
}

/** Asks for bytes of the server unless that was done, as it was for a connection that lay idle. */
export function receiveAnswer(core: Core, upstream: number): void {
  const cell = upstream * UP.size + UP.RECEIVING;
  if (core.upstreams[cell] === 1) return;
  core.upstreams[cell] = 1;
  core.transport.receive(upstream);
}

/** The request's head, or a part of its body, was handed over. */
export function upstreamSent(core: Core, upstream: number, result: number): void {
  const x = core.upstreams[upstream * UP.size + UP.EXCHANGE]!;
  if (x < 0) return;
  const relay = x * X.size + X.UP;
  const state = core.exchanges[relay + RELAY.STATE]!;
  if (result < 0) {
    // The server may have answered and closed before it read all: what it said is worth more.
    if (state === RS.WRITE) {
      core.exchanges[relay + RELAY.STATE] = RS.OFF;
      core.exchanges[x * X.size + X.FLAGS]! |= XF.CLOSE;
    }
    return;
  }
  if (state === RS.WRITE) relaySent(core, x, relay);
  else if (state === RS.OFF && core.exchanges[relay + RELAY.DECODER] !== FRAMING.NONE) {
    beginUpload(core, x, upstream);
  }
}

export function upstreamSpliced(core: Core, upstream: number, result: number): void {
  const x = core.upstreams[upstream * UP.size + UP.EXCHANGE]!;
  relaySpliced(core, x, x * X.size + X.DOWN, result);
}

export function upstreamReceived(
  core: Core,
  upstream: number,
  result: number,
  from: number,
  buffer: number,
): void {
  const row = upstream * UP.size;
  core.upstreams[row + UP.RECEIVING] = 0;
  if (core.upstreams[row + UP.STATE] !== US.BUSY) {
    // An idle connection says something or ends: either way it is of no more use.
    if (buffer >= 0) core.transport.release(buffer);
    if (core.upstreams[row + UP.STATE] === US.IDLE) closeIdle(core, upstream);
    return;
  }
  const x = core.upstreams[row + UP.EXCHANGE]!;
  const relay = x * X.size + X.DOWN;
  if (core.exchanges[relay + RELAY.STATE] === RS.READ) relayReceived(core, x, relay, result);
  else responseReceived(core, x, upstream, result, from, buffer);
}

/** The exchange has all it needs of its connection: keep that for the next, or close it. */
export function releaseUpstream(core: Core, x: number): void {
  const at = x * X.size;
  const upstream = core.exchanges[at + X.UPSTREAM]!;
  if (upstream < 0) return;
  const row = upstream * UP.size;
  const server = core.runtime.servers[core.upstreams[row + UP.SERVER]!]!;
  const backend = core.runtime.backends[core.upstreams[row + UP.BACKEND]!]!;
  const up = core.exchanges[at + X.UP + RELAY.STATE]!;
  const begun = core.exchanges[at + X.UP + RELAY.DECODER] !== FRAMING.NONE;
  if (up === RS.WRITE || (begun && up !== RS.DONE)) {
    // The answer came before the request was whole: the rest of it goes nowhere.
    dropUpstream(core, x);
    return;
  }
  core.exchanges[at + X.UPSTREAM] = -1;
  core.upstreams[row + UP.EXCHANGE] = -1;
  const reusable = (core.exchanges[at + X.FLAGS]! & XF.REUSABLE) !== 0;
  if (!reusable || backend.plan.reuse === "never" || server.retired || core.draining) {
    shut(core, upstream);
    return;
  }
  keepIdle(core, upstream, backend, server);
}

function shut(core: Core, upstream: number): void {
  core.upstreams[upstream * UP.size + UP.STATE] = US.CLOSING;
  core.timers.clear(upstream);
  core.transport.close(upstream, false);
}

function keepIdle(
  core: Core,
  upstream: number,
  backend: BackendRuntime,
  server: ServerRuntime,
): void {
  const row = upstream * UP.size;
  core.upstreams[row + UP.STATE] = US.IDLE;
  core.upstreams[row + UP.IDLE_TICK] = core.nowMs | 0;
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

/** Closes an idle connection. */
export function closeIdle(core: Core, upstream: number): void {
  unlinkIdle(core, upstream);
  core.upstreams[upstream * UP.size + UP.EXCHANGE] = -1;
  shut(core, upstream);
}

/** Closes every idle connection to a server, as when its address changed. */
export function closeAllIdle(core: Core, server: ServerRuntime): void {
  while (server.idleFirst >= 0) closeIdle(core, server.idleFirst);
}

/** The connection used last among the idle ones that this request may go over, or -1. */
function takeIdle(core: Core, x: number, backend: BackendRuntime, server: ServerRuntime): number {
  const sequence = core.board.servers[server.slot * SERVER.size + SERVER.ADDRESS_SEQ]!;
  if (sequence !== server.addressSeen) {
    closeAllIdle(core, server);
    server.addressSeen = sequence;
  }
  const upstream = server.idleFirst;
  if (upstream < 0 || backend.plan.reuse === "never") return -1;
  const flags = core.exchanges[x * X.size + X.FLAGS]!;
  if ((flags & XF.FRESH) !== 0) return -1;
  if (backend.plan.reuse === "safe" && (flags & XF.IDEMPOTENT) === 0) {
    const idleMs = (core.nowMs | 0) - core.upstreams[upstream * UP.size + UP.IDLE_TICK]!;
    if (idleMs > FRESH_MS) return -1;
  }
  unlinkIdle(core, upstream);
  return upstream;
}

export function upstreamClosed(core: Core, upstream: number): void {
  const row = upstream * UP.size;
  core.upstreamCount--;
  const x = core.upstreams[row + UP.EXCHANGE]!;
  core.upstreams[row + UP.STATE] = US.FREE;
  if (x >= 0) unhold(core, x);
}

/** The server's deadline has come. */
export function upstreamDue(core: Core, upstream: number): void {
  const row = upstream * UP.size;
  const x = core.upstreams[row + UP.EXCHANGE]!;
  switch (core.upstreams[row + UP.STATE]) {
    case US.IDLE:
      closeIdle(core, upstream);
      return;
    case US.CONNECTING:
      retry(core, x, CODE.CONNECT_TIMEOUT);
      return;
    case US.BUSY:
      if (core.exchanges[x * X.size + X.STATE] === XS.WAITING) retry(core, x, CODE.SERVER_TIMEOUT);
      else failExchange(core, x, CODE.SERVER_BODY_TIMEOUT);
      return;
    default:
  }
}
