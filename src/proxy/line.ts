// @hot
import { CODE } from "#base/errors.ts";
import { BACKEND, BACKEND_GAUGES, BACKEND_TOTALS, SERVER, SERVER_GAUGES } from "#plan/board.ts";
import type { Core } from "./core.ts";
import { publishWait } from "./precedence.ts";
import type { BackendRuntime, Line } from "./runtime.ts";
import { N, X, XS } from "./tables.ts";

/**
 * Requests that wait for a server: a line for each backend, of those that any server will do for,
 * and one for each server, of those that must go there. Over all lines of a backend the order is
 * that of tickets; over threads see precedence.ts.
 */

/** Puts the exchange at the end of its line: 0, or the code of why it cannot wait. */
export function enqueue(core: Core, x: number, backend: BackendRuntime): number {
  const at = x * X.size;
  const cells = core.exchanges;
  if (backend.retired) return CODE.QUEUE_FULL;
  const totals = backend.slot * BACKEND_TOTALS.size;
  const waiting = core.board.backends[backend.slot * BACKEND.size + BACKEND.QUEUED]!;
  if (waiting >= backend.plan.queueLimit) {
    core.totals.backends[totals + BACKEND_TOTALS.QUEUE_FULL]!++;
    return CODE.QUEUE_FULL;
  }
  cells[at + X.STATE] = XS.QUEUED;
  cells[at + X.TICKET] = core.ticket;
  core.ticket = (core.ticket + 1) | 0;
  cells[at + X.LINE_OF] = cells[at + X.STICK]!;
  cells[at + X.AHEAD] = lineOf(core, x, backend).count;
  core.numbers[x * N.size + N.QUEUED] = core.nowMs;
  link(core, x, backend);
  core.totals.backends[totals + BACKEND_TOTALS.QUEUED]!++;
  core.timers.set(cells[at + X.CLIENT]!, core.nowMs, backend.plan.timeouts.queueMs);
  return 0;
}

/** Takes the exchange out of its line. */
export function leaveLine(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const backend = core.runtime.backends[cells[at + X.BACKEND]!]!;
  unlink(core, x, backend);
  cells[at + X.STATE] = XS.CONNECTING;
  core.timers.clear(cells[at + X.CLIENT]!);
  const waited = core.nowMs - core.numbers[x * N.size + N.QUEUED]!;
  core.totals.backends[backend.slot * BACKEND_TOTALS.size + BACKEND_TOTALS.QUEUE_MS]! += waited;
}

/** The exchange must go to another server than before, or to any: it keeps its ticket. */
export function changeLine(core: Core, x: number, backend: BackendRuntime): void {
  unlink(core, x, backend);
  core.exchanges[x * X.size + X.LINE_OF] = core.exchanges[x * X.size + X.STICK]!;
  link(core, x, backend);
}

function lineOf(core: Core, x: number, backend: BackendRuntime): Line {
  const slot = core.exchanges[x * X.size + X.LINE_OF]!;
  return slot < 0 ? backend.line : core.runtime.servers[slot]!.line;
}

/** Links the exchange behind those with earlier tickets, of which there are mostly all. */
function link(core: Core, x: number, backend: BackendRuntime): void {
  const cells = core.exchanges;
  const line = lineOf(core, x, backend);
  const ticket = cells[x * X.size + X.TICKET]!;
  let prev = line.last;
  while (prev >= 0 && ((cells[prev * X.size + X.TICKET]! - ticket) | 0) > 0) {
    prev = cells[prev * X.size + X.PREV]!;
  }
  const next = prev < 0 ? line.first : cells[prev * X.size + X.NEXT]!;
  cells[x * X.size + X.PREV] = prev;
  cells[x * X.size + X.NEXT] = next;
  if (prev < 0) line.first = x;
  else cells[prev * X.size + X.NEXT] = x;
  if (next < 0) line.last = x;
  else cells[next * X.size + X.PREV] = x;
  line.count++;
  count(core, x, backend, 1);
}

function unlink(core: Core, x: number, backend: BackendRuntime): void {
  const cells = core.exchanges;
  const line = lineOf(core, x, backend);
  const next = cells[x * X.size + X.NEXT]!;
  const prev = cells[x * X.size + X.PREV]!;
  if (prev >= 0) cells[prev * X.size + X.NEXT] = next;
  else line.first = next;
  if (next >= 0) cells[next * X.size + X.PREV] = prev;
  else line.last = prev;
  line.count--;
  count(core, x, backend, -1);
}

/** Keeps the counts of those who wait: ours, and the gauges that threads share. */
function count(core: Core, x: number, backend: BackendRuntime, by: number): void {
  backend.waiting += by;
  core.waiting += by;
  core.totals.backendGauges[backend.slot * BACKEND_GAUGES.size + BACKEND_GAUGES.QUEUED]! += by;
  Atomics.add(core.board.backends, backend.slot * BACKEND.size + BACKEND.QUEUED, by);
  const slot = core.exchanges[x * X.size + X.LINE_OF]!;
  publishWait(core, backend, slot);
  if (slot < 0) return;
  core.totals.serverGauges[slot * SERVER_GAUGES.size + SERVER_GAUGES.QUEUED]! += by;
  Atomics.add(core.board.servers, slot * SERVER.size + SERVER.QUEUED, by);
}
