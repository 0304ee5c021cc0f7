import type { Pool } from "./scheduler.ts";

/** Eligible servers that have the same weight. */
export interface WeightClass {
  /** Weight of each member. */
  readonly weight: number;
  /** Positions, in the order they take turns. */
  readonly members: readonly number[];
}

/**
 * Groups the eligible servers of a pool by `weightOf`, heaviest class first; members stand in the order
 * of `rank` (by position where it is absent or equal). Few distinct weights are the rule, so whoever
 * walks classes instead of servers does little work even in a large pool.
 */
export function weightClasses(
  pool: Pool,
  weightOf: (weight: number) => number = (weight) => weight,
  rank?: Float64Array,
): WeightClass[] {
  const byWeight = new Map<number, number[]>();
  for (let position = 0; position < pool.count; position++) {
    if (pool.weight[position]! <= 0) continue;
    const weight = weightOf(pool.weight[position]!);
    const members = byWeight.get(weight);
    if (members) members.push(position);
    else byWeight.set(weight, [position]);
  }
  const classes = [...byWeight].map(([weight, members]) => ({ weight, members }));
  classes.sort((a, b) => b.weight - a.weight);
  if (rank) for (const { members } of classes) members.sort((a, b) => rank[a]! - rank[b]! || a - b);
  return classes;
}
