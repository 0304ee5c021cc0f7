import {
  BACKEND,
  BACKEND_GAUGES,
  type Board,
  FRONTEND,
  FRONTEND_GAUGES,
  GLOBAL,
  PROCESS_GAUGES,
  SERVER,
  SERVER_GAUGES,
  WORKER,
} from "./board.ts";
import type { Layout } from "./layout.ts";

/** Takes one worker's part out of one table of shared gauges. */
function takeBack<C extends string, O extends C>(
  shared: Int32Array,
  sharedRow: Layout<C>,
  own: Int32Array,
  ownRow: Layout<O>,
): void {
  for (let at = 0; at < own.length; at++) {
    const part = own[at]!;
    if (part === 0) continue;
    own[at] = 0;
    const slot = Math.floor(at / ownRow.size);
    const column = sharedRow[ownRow.columns[at % ownRow.size]!]!;
    Atomics.sub(shared, slot * sharedRow.size + column, part);
  }
}

/**
 * Corrects the shared gauges after a worker died: what it had added and can no longer take away.
 * Call it when its thread is gone, before another takes its row. Totals stay: they only ever grow.
 */
export function forgetWorker(board: Board, worker: number): void {
  const own = board.totals[worker]!;
  takeBack(board.global, GLOBAL, own.processGauges, PROCESS_GAUGES);
  takeBack(board.frontends, FRONTEND, own.frontendGauges, FRONTEND_GAUGES);
  takeBack(board.backends, BACKEND, own.backendGauges, BACKEND_GAUGES);
  takeBack(board.servers, SERVER, own.serverGauges, SERVER_GAUGES);
  own.backendWaits.fill(0);
  own.serverWaits.fill(0);
  const row = worker * WORKER.size;
  board.workers[row + WORKER.CONNECTIONS] = 0;
  board.workers[row + WORKER.UPSTREAMS] = 0;
}

/** As forgetWorker, for the rows first … first + count - 1, which then count as unused. */
export function forgetWorkers(board: Board, first: number, count: number): void {
  for (let worker = first; worker < first + count; worker++) {
    forgetWorker(board, worker);
    board.workers[worker * WORKER.size + WORKER.STATE] = 0;
  }
}

/** Sets every gauge to nothing: for the first engine on a Board on which no worker lives. */
export function forgetAllWorkers(board: Board): void {
  forgetWorkers(board, 0, board.sizes.workers);
  const zero = (shared: Int32Array, row: { size: number }, columns: number[]): void => {
    for (let at = 0; at < shared.length; at += row.size) {
      for (const column of columns) shared[at + column] = 0;
    }
  };
  // What is left is from workers killed between their two additions.
  zero(board.global, GLOBAL, [GLOBAL.CONNECTIONS]);
  zero(board.frontends, FRONTEND, [FRONTEND.CONNECTIONS]);
  zero(board.backends, BACKEND, [BACKEND.ACTIVE, BACKEND.QUEUED]);
  zero(board.servers, SERVER, [SERVER.ACTIVE, SERVER.QUEUED, SERVER.IDLE]);
}
