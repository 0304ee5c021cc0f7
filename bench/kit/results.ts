import { median } from "./statistics.ts";

export type Figures = Readonly<Record<string, number>>;

/** figures[work][contender]: one entry a round. */
export type Results = Readonly<Record<string, Readonly<Record<string, readonly Figures[]>>>>;

/** Median over the rounds of one contender's figure divided by another's in the same round. */
export function ratio(
  results: Results,
  work: string,
  figure: string,
  contender: string,
  to: string,
): number {
  const own = results[work]?.[contender] ?? [];
  const other = results[work]?.[to] ?? [];
  const of = (figures: Figures | undefined): number => figures?.[figure] ?? Number.NaN;
  return median(own.map((figures, i) => of(figures) / of(other[i])));
}

/** Median over the rounds of one contender's figure. */
export function middle(results: Results, work: string, figure: string, contender: string): number {
  return median((results[work]?.[contender] ?? []).map((f) => f[figure] ?? Number.NaN));
}
