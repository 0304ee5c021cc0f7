/** Servers that have the same weight. */
export interface WeightClass {
  /** Weight of each member. */
  readonly weight: number;
  /** Their indices in the weights given, in the order they take turns. */
  readonly members: readonly number[];
}

/**
 * Groups by weight, heaviest class first; weight 0 is nobody. Members stand in the order of `rank`,
 * or by index where it is absent or equal. Few distinct weights are the rule, so whoever walks
 * classes instead of servers does little work even in a large pool.
 */
export function weightClasses(weights: Iterable<number>, rank?: Float64Array): WeightClass[] {
  const byWeight = new Map<number, number[]>();
  let index = 0;
  for (const weight of weights) {
    const members = byWeight.get(weight);
    if (members) members.push(index);
    else if (weight > 0) byWeight.set(weight, [index]);
    index++;
  }
  const classes = [...byWeight].map(([weight, members]) => ({ weight, members }));
  classes.sort((a, b) => b.weight - a.weight);
  if (rank) for (const { members } of classes) members.sort((a, b) => rank[a]! - rank[b]! || a - b);
  return classes;
}
