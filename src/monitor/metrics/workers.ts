import type { ControlApi } from "#control/api.ts";
import { type Board, PROCESS_TOTALS, WORKER } from "#plan/board.ts";
import {
  type ColumnMetric,
  type ColumnsOf,
  type GaugeMetric,
  writeColumns,
  writeGauges,
} from "./columns.ts";
import type { Exposition, Labels } from "./exposition.ts";

const COUNTERS: readonly ColumnMetric<ColumnsOf<typeof PROCESS_TOTALS>>[] = [
  { column: "TURNS", name: "turns", help: "Turns of the event loop." },
  { column: "SYSCALLS", name: "system_calls", help: "System calls of the event loop." },
  { column: "COMPLETIONS", name: "completions", help: "Completed I/O operations." },
  { column: "ACCEPTS", name: "accepts", help: "Connections accepted." },
  {
    column: "ACCEPT_ERRORS",
    name: "accept_errors",
    help: "Connections that could not be accepted.",
  },
  { column: "NO_BUFFERS", name: "no_buffers", help: "Times that no receive buffer was free." },
  { column: "NO_PAGES", name: "no_pages", help: "Times that no page of memory was free." },
  { column: "NO_DESCRIPTORS", name: "no_descriptors", help: "Times that no descriptor was free." },
  { column: "NO_SLOTS", name: "no_slots", help: "Times that no connection slot was free." },
  { column: "FULL", name: "full", help: "Times that `engine.maxConnections` was reached." },
  { column: "LOG_LINES", name: "log_lines", help: "Lines of the access log." },
  {
    column: "LOG_DROPPED",
    name: "log_dropped_lines",
    help: "Lines dropped because the ring was full.",
  },
  { column: "SPLICED_BYTES", name: "spliced_bytes", help: "Bytes moved inside the kernel." },
  {
    column: "BUSY_MS",
    name: "busy_seconds",
    help: "Processor time of the thread.",
    milliseconds: true,
  },
];

interface Cells {
  readonly labels: Labels;
  readonly board: Board;
  readonly row: number;
  readonly up: number;
}

const cell = (column: number) => (of: Cells) => of.board.workers[of.row + column]!;

const GAUGES: readonly GaugeMetric<Cells>[] = [
  { name: "up", help: "1 while it runs.", value: (of) => of.up },
  { name: "connections", help: "Client connections open.", value: cell(WORKER.CONNECTIONS) },
  {
    name: "upstream_connections",
    help: "Connections to servers open.",
    value: cell(WORKER.UPSTREAMS),
  },
];

/** Every worker thread. */
export function writeWorkers(api: ControlApi, out: Exposition): void {
  const { board } = api;
  const workers = api.status().workers.map((worker) => ({
    labels: { worker: String(worker.index), driver: worker.driver },
    board,
    row: worker.index * WORKER.size,
    up: worker.state === "running" ? 1 : 0,
    index: worker.index,
  }));
  writeGauges(out, "weir_worker", GAUGES, workers);
  const counted = workers.map(({ labels, index }) => {
    const own = board.totals[index]!.process;
    const pairs = PROCESS_TOTALS.columns.map((c) => [c, own[PROCESS_TOTALS[c]]!]);
    return { labels: { worker: labels.worker }, totals: Object.fromEntries(pairs) };
  });
  writeColumns(out, "weir_worker", COUNTERS, counted);
}
