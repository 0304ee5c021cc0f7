/**
 * The two text formats that Prometheus reads: its own 0.0.4 and OpenMetrics 1.0. They differ in how
 * counters are named in the metadata, in units, in the type `info`, and in the end mark.
 */
export type MetricType = "counter" | "gauge" | "histogram" | "info";

export interface Family {
  /** Without `_total` or `_info`; ends in its unit, where it has one. */
  readonly name: string;
  readonly type: MetricType;
  readonly unit?: "seconds" | "bytes" | "ratio";
  readonly help: string;
}

export type Labels = Readonly<Record<string, string>>;

/** Cumulative counts by upper bound, in ascending order; the last is everything. */
export interface HistogramValue {
  readonly bounds: readonly number[];
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

export interface Exposition {
  /** Begins a family: all its samples follow before the next one. */
  family(family: Family): void;
  sample(labels: Labels, value: number): void;
  histogram(labels: Labels, value: HistogramValue): void;
  end(): { readonly type: string; readonly body: string };
}

const OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT = "text/plain; version=0.0.4; charset=utf-8";

const escapeLabel = (value: string): string =>
  value.replace(/[\\"\n]/g, (c) => (c === "\n" ? "\\n" : `\\${c}`));

const labelsText = (labels: Labels): string => {
  const pairs = Object.entries(labels).map(([k, v]) => `${k}="${escapeLabel(v)}"`);
  return pairs.length > 0 ? `{${pairs.join(",")}}` : "";
};

/** A writer of the format that the Accept header asks for. */
export function createExposition(accept: string): Exposition {
  const open = accept.includes("application/openmetrics-text");
  const lines: string[] = [];
  let sampleName = "";
  return {
    family({ name, type, unit, help }) {
      sampleName = type === "counter" ? `${name}_total` : type === "info" ? `${name}_info` : name;
      const described = open ? name : sampleName;
      lines.push(`# HELP ${described} ${help}`);
      lines.push(`# TYPE ${described} ${type === "info" && !open ? "gauge" : type}`);
      if (open && unit) lines.push(`# UNIT ${described} ${unit}`);
    },
    sample(labels, value) {
      lines.push(`${sampleName}${labelsText(labels)} ${value}`);
    },
    histogram(labels, { bounds, counts, count, sum }) {
      const bucket = (le: string, value: number) =>
        lines.push(`${sampleName}_bucket${labelsText({ ...labels, le })} ${value}`);
      for (const [i, bound] of bounds.entries()) bucket(String(bound), counts[i]!);
      bucket("+Inf", count);
      lines.push(`${sampleName}_sum${labelsText(labels)} ${sum}`);
      lines.push(`${sampleName}_count${labelsText(labels)} ${count}`);
    },
    end() {
      if (open) lines.push("# EOF");
      return { type: open ? OPENMETRICS : TEXT, body: `${lines.join("\n")}\n` };
    },
  };
}
