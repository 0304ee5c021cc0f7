// @hot
import { CODE } from "#base/errors.ts";
import { BACKEND_TOTALS, SERVER, SERVER_TOTALS } from "#plan/board.ts";
import { assign, releaseServer } from "./assign.ts";
import type { Core } from "./core.ts";
import { dropUpstream, failExchange } from "./exchange.ts";
import type { BackendRuntime } from "./runtime.ts";
import { X, XF } from "./tables.ts";

/**
 * A server failed an exchange before its answer began. Sends the request once more where that can do no
 * harm (RFC 9110 §9.2.2), or tells the client.
 */
export function retry(core: Core, x: number, code: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const backend = core.runtime.backends[cells[at + X.BACKEND]!]!;
  if (isStale(core, x, code)) {
    dropUpstream(core, x);
    releaseServer(core, x);
    cells[at + X.FLAGS] = (cells[at + X.FLAGS]! & ~XF.REUSED) | XF.FRESH;
    assign(core, x);
    return;
  }
  countFailure(core, cells[at + X.SERVER]!, backend, code);
  if (mayRetry(core, x, backend, code) && cells[at + X.RETRIES]! < backend.plan.retries) {
    repeat(core, x, backend);
  } else failExchange(core, x, code);
}

/** Sends the request again, elsewhere if the backend allows it. */
export function repeat(core: Core, x: number, backend: BackendRuntime): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const slot = cells[at + X.SERVER]!;
  dropUpstream(core, x);
  releaseServer(core, x);
  cells[at + X.RETRIES]!++;
  const server = core.runtime.servers[slot];
  core.totals.servers[slot * SERVER_TOTALS.size + SERVER_TOTALS.RETRIES]!++;
  core.totals.backends[backend.slot * BACKEND_TOTALS.size + BACKEND_TOTALS.RETRIES]!++;
  if (backend.plan.redispatch) {
    cells[at + X.STICK] = -1;
    cells[at + X.AVOID] = server === undefined || server.retired ? -1 : server.position;
    cells[at + X.FLAGS]! |= XF.REDISPATCHED;
  }
  assign(core, x);
}

/** Counts a failure for the log of numbers and for passive observation of the server's health. */
export function countFailure(
  core: Core,
  slot: number,
  backend: BackendRuntime,
  code: number,
): void {
  const connect = code === CODE.CONNECT_REFUSED || code === CODE.CONNECT_TIMEOUT;
  const servers = slot * SERVER_TOTALS.size;
  const backends = backend.slot * BACKEND_TOTALS.size;
  if (connect) {
    core.totals.servers[servers + SERVER_TOTALS.CONNECT_ERRORS]!++;
    core.totals.backends[backends + BACKEND_TOTALS.CONNECT_ERRORS]!++;
  } else {
    core.totals.servers[servers + SERVER_TOTALS.RESPONSE_ERRORS]!++;
    core.totals.backends[backends + BACKEND_TOTALS.RESPONSE_ERRORS]!++;
  }
  Atomics.add(core.board.servers, slot * SERVER.size + SERVER.FAILURES, 1);
}

/** A kept connection that the server had closed meanwhile: no fault of either, and nothing was done. */
function isStale(core: Core, x: number, code: number): boolean {
  const flags = core.exchanges[x * X.size + X.FLAGS]!;
  const needed = XF.REUSED | XF.REPLAYABLE | XF.IDEMPOTENT;
  return code === CODE.SERVER_CLOSED_EARLY && (flags & needed) === needed;
}

function mayRetry(core: Core, x: number, backend: BackendRuntime, code: number): boolean {
  const at = x * X.size;
  const flags = core.exchanges[at + X.FLAGS]!;
  if (code === CODE.CONNECT_REFUSED || code === CODE.CONNECT_TIMEOUT) return backend.retryConnect;
  const safe = (flags & (XF.REPLAYABLE | XF.IDEMPOTENT)) === (XF.REPLAYABLE | XF.IDEMPOTENT);
  if (!safe || core.exchanges[at + X.FILL] !== 0) return false;
  if (code === CODE.SERVER_TIMEOUT) return backend.retryTimeout;
  return code === CODE.SERVER_CLOSED_EARLY && backend.retryEmpty;
}
