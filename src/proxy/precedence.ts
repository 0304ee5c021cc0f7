// @hot
import { BACKEND } from "#plan/board.ts";
import type { Core } from "./core.ts";
import type { BackendRuntime } from "./runtime.ts";
import { N } from "./tables.ts";

/**
 * Whose turn it is when several threads have requests waiting for the same servers. Each publishes
 * since when the first of each of its lines has waited; one that finds room leaves it to another
 * whose first has waited notably longer, which looks every millisecond. So threads take turns of
 * some milliseconds, and a place seldom lies idle between them.
 *
 *   thread 0   ▆▆▆▆▆▆░▆▆▆▆▆▆          ▆ serves its line    ░ leaves room, until another takes it
 *   thread 1         ▆▆▆▆▆▆▆░▆▆▆
 */

/** Waiting so much longer gives precedence. */
const NOTABLY_MS = 10;
/** How long room is left to somebody who does not take it; then it is ours for as long again. */
const LEAVE_MS = 5;

/** Since when the exchange has waited, as on the Board. */
export function waitsSince(core: Core, x: number): number {
  const waited = core.nowMs - core.numbers[x * N.size + N.QUEUED]!;
  return (core.wallMs - waited) | 0 || 1;
}

/** Publishes who is first in a line now: the backend's (`slot` -1), or a server's. */
export function publishWait(core: Core, backend: BackendRuntime, slot: number): void {
  const first = slot < 0 ? backend.line.first : core.runtime.servers[slot]!.line.first;
  const since = first < 0 ? 0 : waitsSince(core, first);
  if (slot < 0) core.totals.backendWaits[backend.slot] = since;
  else core.totals.serverWaits[slot] = since;
}

/**
 * True when one that has waited since then may take room on this server; false when it is to leave
 * it to another thread for now.
 */
export function hasPrecedence(
  core: Core,
  backend: BackendRuntime,
  server: number,
  since: number,
): boolean {
  // Nobody waits but with us: the usual case.
  const cell = backend.slot * BACKEND.size + BACKEND.QUEUED;
  if (core.board.backends[cell]! <= backend.waiting) return true;
  if (!othersFirst(core, backend.slot, server, since)) return true;
  const left = core.nowMs - backend.leftMs;
  if (left < LEAVE_MS) return false;
  if (left < 2 * LEAVE_MS) return true;
  backend.leftMs = core.nowMs;
  return false;
}

function othersFirst(core: Core, backend: number, server: number, since: number): boolean {
  const workers = core.board.totals;
  for (let i = 0; i < workers.length; i++) {
    if (i === core.index) continue;
    if (isBefore(workers[i]!.backendWaits[backend]!, since)) return true;
    if (isBefore(workers[i]!.serverWaits[server]!, since)) return true;
  }
  return false;
}

const isBefore = (other: number, since: number): boolean =>
  other !== 0 && ((since - other) | 0) > NOTABLY_MS;
