// @hot
import { CODE, FACTS } from "#base/errors.ts";
import { BACKEND_TOTALS, SERVER, SERVER_TOTALS } from "#plan/board.ts";
import { failExchange } from "./answer.ts";
import { assign } from "./assign.ts";
import type { Core } from "./core.ts";
import { releaseServer } from "./exchange.ts";
import type { BackendRuntime } from "./runtime.ts";
import { X, XF } from "./tables.ts";
import { dropUpstream } from "./upstream-socket.ts";

/**
 * A server failed an exchange before its answer began. Sends the request once more where that can
 * do no harm (RFC 9110 §9.2.2), or tells the client.
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
  if (mayRetry(core, x, backend, code)) repeat(core, x, backend);
  else failExchange(core, x, code);
}

/** An answer's status is one that is to be tried again. True when that was begun. */
export function retryAnswer(core: Core, x: number, status: number): boolean {
  const backend = core.runtime.backends[core.exchanges[x * X.size + X.BACKEND]!]!;
  if (backend.retryStatus[status] !== 1 || !isRepeatable(core, x)) return false;
  if (core.exchanges[x * X.size + X.RETRIES]! >= backend.plan.retries) return false;
  countFailure(core, core.exchanges[x * X.size + X.SERVER]!, backend, CODE.SERVER_CLOSED_EARLY);
  repeat(core, x, backend);
  return true;
}

/** Sends the request again, elsewhere if the backend allows it. */
function repeat(core: Core, x: number, backend: BackendRuntime): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const slot = cells[at + X.SERVER]!;
  dropUpstream(core, x);
  releaseServer(core, x);
  cells[at + X.RETRIES]!++;
  cells[at + X.FILL] = 0;
  core.totals.servers[slot * SERVER_TOTALS.size + SERVER_TOTALS.RETRIES]!++;
  core.totals.backends[backend.slot * BACKEND_TOTALS.size + BACKEND_TOTALS.RETRIES]!++;
  cells[at + X.STICK] = backend.plan.redispatch ? -1 : slot;
  if (backend.plan.redispatch) cells[at + X.AVOID] = slot;
  assign(core, x);
}

/** Counts a failure for the log of numbers and for passive observation of the server's health. */
function countFailure(core: Core, slot: number, backend: BackendRuntime, code: number): void {
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

/**
 * A kept connection that the server had closed meanwhile: no fault of either, and nothing was done.
 */
function isStale(core: Core, x: number, code: number): boolean {
  if (code !== CODE.SERVER_CLOSED_EARLY || core.exchanges[x * X.size + X.FILL] !== 0) return false;
  return (core.exchanges[x * X.size + X.FLAGS]! & XF.REUSED) !== 0 && isRepeatable(core, x);
}

/** The whole request is still here, and repeating it does no harm. */
function isRepeatable(core: Core, x: number): boolean {
  const both = XF.REPLAYABLE | XF.IDEMPOTENT;
  return (core.exchanges[x * X.size + X.FLAGS]! & both) === both;
}

function mayRetry(core: Core, x: number, backend: BackendRuntime, code: number): boolean {
  const at = x * X.size;
  const kind = FACTS[code]!.retry;
  if (kind === "never" || core.exchanges[at + X.RETRIES]! >= backend.plan.retries) return false;
  if (kind === "unsent") return backend.retryConnect;
  if (!isRepeatable(core, x) || core.exchanges[at + X.FILL] !== 0) return false;
  return code === CODE.SERVER_TIMEOUT ? backend.retryTimeout : backend.retryEmpty;
}
