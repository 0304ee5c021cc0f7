// @hot
import { HISTOGRAM } from "#plan/board.ts";

/**
 * Log-linear histograms of microseconds, one row of HISTOGRAM.BUCKETS counts in a Float64Array:
 *
 *   bucket   0 … 7   8 … 15   16 … 23    24 … 31      …   200 … 207
 *   covers   0 … 7   8 … 15   16 … 31    32 … 63      …   2²⁷ … 2²⁸-1 (268 s; longer ones too)
 *   width      1        1        2          4         …      2²⁴
 *
 * Every power of two is cut into SUB equal buckets, so a bucket is at most 1/SUB of its values
 * wide. Rows of workers add up, and a row then minus a row now is what happened in between.
 */
const SUB = HISTOGRAM.SUB;
const BUCKETS = HISTOGRAM.BUCKETS;
const SUB_BITS = 31 - Math.clz32(SUB);
/**
 * The first value, in microseconds, too long for the last bucket; it is counted there all the same.
 */
const END_US = 2 ** (HISTOGRAM.POWERS + SUB_BITS - 1);

/** Bucket of a time in microseconds; fractions are dropped, what is no time counts as 0. */
export function bucketOf(us: number): number {
  if (!(us >= SUB)) return us > 0 ? us | 0 : 0;
  if (us >= END_US) return BUCKETS - 1;
  const value = us | 0;
  const shift = 31 - Math.clz32(value) - SUB_BITS;
  return (shift << SUB_BITS) + (value >> shift);
}

/**
 * Smallest time in microseconds that falls into the bucket; that of BUCKETS is the end of the last
 * one.
 */
export function boundOf(bucket: number): number {
  if (bucket < 2 * SUB) return bucket;
  const shift = (bucket >> SUB_BITS) - 1;
  return ((bucket & (SUB - 1)) + SUB) * 2 ** shift;
}

/** Counts one time into the row that starts at `at`. */
export function record(view: Float64Array, at: number, us: number): void {
  view[at + bucketOf(us)]!++;
}

/** Adds a row to another: `sign` 1; or takes it away again: -1. */
export function merge(
  target: Float64Array,
  targetAt: number,
  source: Float64Array,
  sourceAt: number,
  sign: 1 | -1 = 1,
): void {
  for (let i = 0; i < BUCKETS; i++) target[targetAt + i]! += sign * source[sourceAt + i]!;
}

/** Times counted in a row. */
export function countOf(view: Float64Array, at: number): number {
  let sum = 0;
  for (let i = 0; i < BUCKETS; i++) sum += view[at + i]!;
  return sum;
}

/**
 * The time in microseconds that a share `q` (0 … 1) of the row's times do not pass, by nearest
 * rank: the middle of its bucket, so within 1/16 of the true value. NaN of an empty row.
 */
export function quantile(view: Float64Array, at: number, q: number): number {
  const count = countOf(view, at);
  if (!(count > 0)) return Number.NaN;
  let rank = Math.max(1, Math.ceil(q * count));
  let bucket = 0;
  while (bucket < BUCKETS - 1) {
    rank -= view[at + bucket]!;
    if (rank <= 0) break;
    bucket++;
  }
  return (boundOf(bucket) + boundOf(bucket + 1) - 1) / 2;
}
