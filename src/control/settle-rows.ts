import {
  BACKEND,
  BACKEND_TOTALS,
  type Board,
  FRONTEND,
  FRONTEND_TOTALS,
  HISTOGRAM,
  SERVER,
  SERVER_TOTALS,
} from "#plan/board.ts";
import type { PlanSlots } from "./engine-state.ts";

const cell = (view: Int32Array, row: number, column: number): number =>
  Atomics.load(view, row + column);

const clear = (view: Float64Array, slot: number, size: number): void =>
  void view.fill(0, slot * size, (slot + 1) * size);

/**
 * Frees the rows of the Board that no Plan in force uses any more: those on which nothing is under
 * way. Their totals are cleared, for whoever gets the row next. Returns true when none is left to
 * free.
 */
export function settleRows(board: Board, slots: PlanSlots): boolean {
  const frontendQuiet = (slot: number): boolean =>
    cell(board.frontends, slot * FRONTEND.size, FRONTEND.CONNECTIONS) === 0;
  const backendQuiet = (slot: number): boolean => {
    const row = slot * BACKEND.size;
    return (
      cell(board.backends, row, BACKEND.ACTIVE) === 0 &&
      cell(board.backends, row, BACKEND.QUEUED) === 0
    );
  };
  const serverQuiet = (slot: number): boolean => {
    const row = slot * SERVER.size;
    const busy = [SERVER.ACTIVE, SERVER.QUEUED, SERVER.IDLE];
    return busy.every((column) => cell(board.servers, row, column) === 0);
  };
  slots.logs.settle();
  // Services have no rows on the Board yet: what they count is the director's own.
  slots.services.settle();
  const frontends = slots.frontends.settle(frontendQuiet);
  const backends = slots.backends.settle(backendQuiet);
  const servers = slots.servers.settle(serverQuiet);
  for (const own of board.totals) {
    for (const slot of frontends) {
      clear(own.frontends, slot, FRONTEND_TOTALS.size);
      clear(own.frontendTimes, slot, HISTOGRAM.BUCKETS);
    }
    for (const slot of backends) {
      clear(own.backends, slot, BACKEND_TOTALS.size);
      clear(own.backendTimes, slot, HISTOGRAM.BUCKETS);
    }
    for (const slot of servers) clear(own.servers, slot, SERVER_TOTALS.size);
  }
  return [slots.frontends, slots.backends, slots.servers].every((table) => table.settled);
}
