// @hot
import { CODE } from "#base/errors.ts";
import { readAddress } from "#plan/address-cell.ts";
import { PROCESS_TOTALS, SERVER, SERVER_TOTALS } from "#plan/board.ts";
import type { Core } from "./core.ts";
import { setDeadlines } from "./deadlines.ts";
import { receiveAnswer, takeIdle } from "./idle.ts";
import type { BackendRuntime, ServerRuntime } from "./runtime.ts";
import { KIND, N, UP, US, X, XF, XS } from "./tables.ts";

/**
 * Sends the exchange's request to its server, over a connection kept from before or a new one.
 * Returns
 * 0, or the code of why it cannot be tried at all.
 */
export function connectServer(
  core: Core,
  x: number,
  backend: BackendRuntime,
  server: ServerRuntime,
): number {
  const idle = takeIdle(core, x, backend, server);
  if (idle < 0) return openUpstream(core, x, backend, server);
  core.totals.servers[server.slot * SERVER_TOTALS.size + SERVER_TOTALS.REUSES]!++;
  core.exchanges[x * X.size + X.FLAGS]! |= XF.REUSED;
  core.numbers[x * N.size + N.CONNECTED] = core.nowMs;
  sendRequest(core, x, idle);
  return 0;
}

function openUpstream(
  core: Core,
  x: number,
  backend: BackendRuntime,
  server: ServerRuntime,
): number {
  const at = x * X.size;
  core.exchanges[at + X.STATE] = XS.CONNECTING;
  core.exchanges[at + X.FLAGS]! &= ~XF.REUSED;
  core.numbers[x * N.size + N.CONNECTED] = -1;
  const scratch = core.addressScratch;
  const sequence = core.board.servers[server.slot * SERVER.size + SERVER.ADDRESS_SEQ]!;
  const bytes = readAddress(core.board, server.slot, core.memory, scratch);
  if (bytes <= 0) return CODE.CONNECT_REFUSED;
  const family = core.memory[scratch]! | (core.memory[scratch + 1]! << 8);
  const upstream = core.transport.open(family);
  if (upstream < 0) {
    core.totals.process[PROCESS_TOTALS.NO_SLOTS]!++;
    return CODE.RESOURCE_EXHAUSTED;
  }
  core.memory.copyWithin(core.transport.peerAt(upstream), scratch, scratch + bytes);
  const row = upstream * UP.size;
  core.kinds[upstream] = KIND.UPSTREAM;
  core.upstreams.fill(0, row, row + UP.size);
  core.upstreams[row + UP.STATE] = US.CONNECTING;
  core.upstreams[row + UP.BACKEND] = backend.slot;
  core.upstreams[row + UP.SERVER] = server.slot;
  core.upstreams[row + UP.ADDRESS] = sequence;
  core.upstreams[row + UP.EXCHANGE] = x;
  core.exchanges[at + X.UPSTREAM] = upstream;
  core.upstreamCount++;
  core.totals.servers[server.slot * SERVER_TOTALS.size + SERVER_TOTALS.CONNECTS]!++;
  core.transport.connect(upstream, bytes);
  core.timers.set(upstream, core.nowMs, backend.plan.timeouts.connectMs);
  return 0;
}

/** The connection stands: sends what the exchange's page holds, and waits for the answer. */
export function sendRequest(core: Core, x: number, upstream: number): void {
  const at = x * X.size;
  const row = upstream * UP.size;
  const backend = core.runtime.backends[core.exchanges[at + X.BACKEND]!]!;
  core.exchanges[at + X.STATE] = XS.WAITING;
  core.exchanges[at + X.UPSTREAM] = upstream;
  core.upstreams[row + UP.STATE] = US.BUSY;
  core.upstreams[row + UP.EXCHANGE] = x;
  core.upstreams[row + UP.SENDING] = 1;
  core.upstreams[row + UP.REQUESTS]!++;
  const bytes = core.exchanges[at + X.HEAD_BYTES]!;
  core.transport.send(upstream, core.exchanges[at + X.PAGE]!, bytes, false);
  receiveAnswer(core, upstream);
  core.numbers[x * N.size + N.SERVER_LEFT] = backend.plan.timeouts.serverMs;
  core.numbers[x * N.size + N.SERVER_SINCE] = -1;
  setDeadlines(core, x);
}
