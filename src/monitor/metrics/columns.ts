import type { Layout } from "#plan/layout.ts";
import type { Row } from "../totals.ts";
import type { Exposition, Labels } from "./exposition.ts";

/** One counter from one column of totals. */
export interface ColumnMetric<C extends string> {
  readonly column: C;
  /** Behind the prefix, without `_total`. */
  readonly name: string;
  readonly help: string;
  /** The column counts milliseconds. */
  readonly milliseconds?: true;
}

/** A thing that is counted: its labels, and its totals summed over the workers. */
export interface Counted<C extends string> {
  readonly labels: Labels;
  readonly totals: Row<C>;
}

export type ColumnsOf<L> = L extends Layout<infer C> ? C : never;

/** Writes a family for each metric, with a sample of each thing. */
export function writeColumns<C extends string>(
  out: Exposition,
  prefix: string,
  metrics: readonly ColumnMetric<C>[],
  things: readonly Counted<C>[],
): void {
  for (const { column, name, help, milliseconds } of metrics) {
    const unit = milliseconds ? "seconds" : name.endsWith("_bytes") ? "bytes" : undefined;
    out.family({ name: `${prefix}_${name}`, type: "counter", help, ...(unit && { unit }) });
    for (const { labels, totals } of things) {
      out.sample(labels, milliseconds ? totals[column] / 1000 : totals[column]);
    }
  }
}

const CLASSES = ["1xx", "2xx", "3xx", "4xx", "5xx"] as const;
type StatusColumn = `STATUS_${1 | 2 | 3 | 4 | 5}XX`;

/** Writes `prefix_responses_total{code="2xx"}`. */
export function writeResponses(
  out: Exposition,
  prefix: string,
  help: string,
  things: readonly Counted<StatusColumn>[],
): void {
  out.family({ name: `${prefix}_responses`, type: "counter", help });
  for (const { labels, totals } of things) {
    for (const code of CLASSES) {
      const column = `STATUS_${code.toUpperCase()}` as StatusColumn;
      out.sample({ ...labels, code }, totals[column]);
    }
  }
}

/** One gauge from one cell. */
export interface GaugeMetric<T> {
  readonly name: string;
  readonly help: string;
  readonly unit?: "seconds" | "bytes" | "ratio";
  value(of: T): number;
}

/** Writes a family for each gauge, with a sample of each thing. */
export function writeGauges<T>(
  out: Exposition,
  prefix: string,
  metrics: readonly GaugeMetric<T>[],
  things: readonly (T & { readonly labels: Labels })[],
): void {
  for (const { name, help, unit, value } of metrics) {
    out.family({ name: `${prefix}_${name}`, type: "gauge", help, ...(unit && { unit }) });
    for (const thing of things) out.sample(thing.labels, value(thing));
  }
}
