import type { Board, WorkerTotals } from "#plan/board.ts";
import type { Layout } from "#plan/layout.ts";

/** One row of a table of totals: numbers by column. */
export type Row<C extends string> = { readonly [K in C]: number };

/** A table of WorkerTotals that has counters in rows. */
export type TotalsTable = "process" | "frontends" | "backends" | "servers";

/** A table of WorkerTotals that has histograms in rows. */
export type TimesTable = "frontendTimes" | "backendTimes";

/** A row summed over all workers. */
export function sumRow<C extends string>(
  board: Board,
  table: TotalsTable,
  layout: Layout<C>,
  slot: number,
): Row<C> {
  const sums: Record<string, number> = {};
  for (const column of layout.columns) {
    const at = slot * layout.size + (layout as Record<string, number>)[column]!;
    sums[column] = board.totals.reduce((sum, worker: WorkerTotals) => sum + worker[table][at]!, 0);
  }
  return sums as Row<C>;
}
