import { type Board, HISTOGRAM } from "#plan/board.ts";
import { boundOf } from "#traffic/histogram.ts";
import type { TimesTable } from "../totals.ts";
import type { HistogramValue } from "./exposition.ts";

/**
 * Buckets for Prometheus: powers of two from 128 µs to 67 s. They are bounds of the Board's own
 * buckets (bucketOf), so counts are exact and never change their meaning. The sum is made from the
 * middles of the Board's buckets: right to a sixteenth.
 */
const BOUNDS = Array.from({ length: HISTOGRAM.BUCKETS }, (_, bucket) => bucket).filter((bucket) => {
  const us = boundOf(bucket);
  return us >= 128 && us <= 2 ** 26 && Number.isInteger(Math.log2(us));
});
const SECONDS = BOUNDS.map((bucket) => boundOf(bucket) / 1e6);

/** One row of the Board's histograms, summed over the workers. */
export function durations(board: Board, table: TimesTable, slot: number): HistogramValue {
  const counts: number[] = [];
  let count = 0;
  let sum = 0;
  for (let bucket = 0; bucket < HISTOGRAM.BUCKETS; bucket++) {
    if (bucket === BOUNDS[counts.length]) counts.push(count);
    const at = slot * HISTOGRAM.BUCKETS + bucket;
    const here = board.totals.reduce((total, worker) => total + worker[table][at]!, 0);
    count += here;
    sum += (here * (boundOf(bucket) + boundOf(bucket + 1) - 1)) / 2e6;
  }
  return { bounds: SECONDS, counts, count, sum };
}
