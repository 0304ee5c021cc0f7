import type { Clock } from "#base/clock.ts";
import { Rate, Series } from "#traffic/rates.ts";
import type { Row } from "./totals.ts";

/** Totals by column, and how fast some of them (`R`) grow a second. */
export interface Metered<C extends string, R extends C> {
  /** As last sampled. */
  total(column: C): number;
  rate(column: R): Series;
}

const byColumn = <R extends string, S>(columns: readonly R[], make: () => S) =>
  Object.fromEntries(columns.map((column) => [column, make()])) as Record<R, S>;

/** One frontend, backend or server: fed with its totals once a second. */
export class Meter<C extends string, R extends C> implements Metered<C, R> {
  readonly slot: number;
  readonly #rates: Readonly<Record<R, Rate>>;
  #totals: Row<C> | undefined;

  constructor(slot: number, columns: readonly R[], clock: Clock) {
    this.slot = slot;
    this.#rates = byColumn(columns, () => new Rate(clock));
  }

  sample(totals: Row<C>): void {
    this.#totals = totals;
    for (const column in this.#rates) this.#rates[column].sample(totals[column]);
  }

  total(column: C): number {
    return this.#totals?.[column] ?? 0;
  }

  rate(column: R): Series {
    return this.#rates[column];
  }
}

/** Several of them together. Its rates are sums of theirs, so one that comes or goes is no jump. */
export class MeterSum<C extends string, R extends C> implements Metered<C, R> {
  readonly #series: Readonly<Record<R, Series>>;
  #parts: readonly Metered<C, R>[] = [];

  constructor(columns: readonly R[], clock: Clock) {
    this.#series = byColumn(columns, () => new Series(clock));
  }

  sample(parts: Iterable<Metered<C, R>>): void {
    this.#parts = [...parts];
    for (const column in this.#series) {
      const sum = this.#parts.reduce((total, part) => total + part.rate(column).current, 0);
      this.#series[column].record(sum);
    }
  }

  total(column: C): number {
    return this.#parts.reduce((total, part) => total + part.total(column), 0);
  }

  rate(column: R): Series {
    return this.#series[column];
  }
}
