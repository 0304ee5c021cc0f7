import type { StatusDocument } from "#monitor/document.ts";
import type { HistoryDocument } from "#monitor/history.ts";
import { bytes, count, latency, percent } from "./figures.ts";
import {
  frontendsTable,
  headline,
  type ServerRow,
  serverRows,
  serversTable,
  servicesTable,
  warnings,
} from "./status-tables.ts";
import { type Style, unstyled } from "./style.ts";

/** What servers can be sorted by, in the order of the `s` key. */
export const SORTS = {
  configured: undefined,
  "req/s": (row) => row.server.requestsPerSecond,
  "5xx/s": (row) => row.server.serverErrorsPerSecond,
  active: (row) => row.server.active,
  latency: (row) => row.server.responseMs ?? 0,
} as const satisfies Record<string, ((row: ServerRow) => number) | undefined>;

export type Sort = keyof typeof SORTS;
export const SORT_NAMES = Object.keys(SORTS) as readonly Sort[];

export interface TopView {
  readonly status: StatusDocument;
  readonly history: HistoryDocument;
  readonly sort: Sort;
  readonly style: Style;
  /** Of the terminal; rows that do not fit are left out, with a word. */
  readonly columns: number;
  readonly rows: number;
  /** What the keys do; empty where there are none. */
  readonly keys: string;
}

const BARS = [..." ▁▂▃▄▅▆▇█"];

/** The last values as one line of bars, scaled to the highest of them. */
export function sparkline(values: readonly (number | null)[], width: number): string {
  const shown = values.slice(-width);
  const highest = Math.max(0, ...shown.map((value) => value ?? 0));
  const bar = (value: number | null): string =>
    BARS[value && highest > 0 ? Math.max(1, Math.round((value / highest) * 8)) : 0]!;
  return shown.map(bar).join("");
}

/** One screen of `weir top`, a line each, none wider than the terminal. */
export function topView(view: TopView): string[] {
  const { status, style, sort } = view;
  const { traffic } = status;
  const services = status.director?.services ?? [];
  const figures = [
    `${style.bold(count(traffic.requestsPerSecond))} req/s`,
    `${style.bold(String(traffic.inFlight))} in flight`,
    `${count(traffic.connections)} connections`,
    `p50 ${latency(traffic.latency.p50Ms)}  p95 ${latency(traffic.latency.p95Ms)}`,
    `errors ${percent(traffic.errorShare)}`,
    `out ${bytes(traffic.bytesOutPerSecond)}/s`,
  ];
  const spark = sparkline(view.history.series.requestsPerSecond, Math.min(view.columns, 60));
  const key: ((row: ServerRow) => number) | undefined = SORTS[sort];
  const rows = serverRows(status.backends);
  const sorted = key ? rows.toSorted((a, b) => key(b) - key(a)) : rows;
  const lines = [
    headline(status, style),
    ...warnings(status, style),
    figures.join("   "),
    `${style.blue(spark)} ${style.dim("req/s, last minute")}`,
    "",
    ...frontendsTable(status.frontends, style).split("\n"),
    "",
    ...serversTable(sorted, style).split("\n"),
    ...(services.length > 0 ? ["", ...servicesTable(services, style).split("\n")] : []),
  ];
  const room = view.rows - (view.keys ? 1 : 0);
  const left = lines.length - room;
  const shown = left > 0 ? [...lines.slice(0, room - 1), style.dim(`… ${left + 1} more`)] : lines;
  const footer = view.keys ? [style.dim(view.keys)] : [];
  return [...shown, ...footer].map((line) => clip(line, view.columns));
}

/** The line's first `width` characters; codes of a Style take no room and are kept. */
function clip(line: string, width: number): string {
  if (unstyled(line).length <= width) return line;
  let room = width;
  return line.replace(/\u001b\[\d+m|[\s\S]/gu, (piece) =>
    piece.startsWith("\u001b") ? piece : room-- > 0 ? piece : "",
  );
}
