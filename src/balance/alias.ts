/** Columns of the alias method: column i yields i with probability share[i], else other[i]. */
export interface Alias {
  readonly share: Float64Array;
  readonly other: Int32Array;
}

export function createAlias(length: number): Alias {
  return { share: new Float64Array(length), other: new Int32Array(length) };
}

/**
 * Fills the first `count` columns so that a column drawn uniformly yields i with probability
 * weight[i] / total (Vose, "A linear algorithm for generating random numbers with a given
 * distribution", 1991): columns with less than their part are topped up by one with more.
 */
export function buildAlias(alias: Alias, weight: Int32Array, count: number, total: number): void {
  const { share, other } = alias;
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < count; i++) {
    share[i] = (weight[i]! * count) / total;
    (share[i]! < 1 ? small : large).push(i);
  }
  while (small.length > 0 && large.length > 0) {
    const i = small.pop()!;
    const donor = large.at(-1)!;
    other[i] = donor;
    share[donor]! -= 1 - share[i]!;
    if (share[donor]! < 1) small.push(large.pop()!);
  }
  // What is left is whole but for rounding.
  for (const i of small) share[i] = 1;
  for (const i of large) share[i] = 1;
}
