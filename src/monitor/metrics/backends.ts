import type { ControlApi } from "#control/api.ts";
import { BACKEND, BACKEND_TOTALS } from "#plan/board.ts";
import { sumRow } from "../totals.ts";
import {
  type ColumnMetric,
  type ColumnsOf,
  writeColumns,
  writeGauges,
  writeResponses,
} from "./columns.ts";
import { durations } from "./durations.ts";
import type { Exposition } from "./exposition.ts";

const PREFIX = "weir_backend";

const COUNTERS: readonly ColumnMetric<ColumnsOf<typeof BACKEND_TOTALS>>[] = [
  { column: "REQUESTS", name: "requests", help: "Requests given to the backend." },
  { column: "BYTES_IN", name: "received_bytes", help: "Bytes of requests." },
  { column: "BYTES_OUT", name: "sent_bytes", help: "Bytes of answers." },
  { column: "CONNECT_ERRORS", name: "connect_errors", help: "Connections to servers that failed." },
  {
    column: "RESPONSE_ERRORS",
    name: "response_errors",
    help: "Answers that broke off or broke the protocol.",
  },
  { column: "RETRIES", name: "retries", help: "Requests tried again." },
  { column: "REDISPATCHES", name: "redispatches", help: "Requests tried again on another server." },
  { column: "QUEUED", name: "queued", help: "Requests that had to wait." },
  { column: "QUEUE_TIMEOUTS", name: "queue_timeouts", help: "Requests that waited too long." },
  {
    column: "QUEUE_FULL",
    name: "queue_full",
    help: "Requests refused because the queue was full.",
  },
  {
    column: "QUEUE_MS",
    name: "queue_seconds",
    help: "Time that requests waited.",
    milliseconds: true,
  },
  { column: "CLIENT_ABORTS", name: "client_aborts", help: "Exchanges that the client broke off." },
  { column: "SERVER_ABORTS", name: "server_aborts", help: "Exchanges that the server broke off." },
];

/** Every backend of the Plan. */
export function writeBackends(api: ControlApi, out: Exposition): void {
  const { board } = api;
  const backends = api.plan().backends.map(({ name, slot }) => ({
    labels: { backend: name },
    slot,
    row: slot * BACKEND.size,
    totals: sumRow(board, "backends", BACKEND_TOTALS, slot),
  }));
  const cell = (column: number) => (of: { row: number }) => board.backends[of.row + column]!;
  const gauges = [
    {
      name: "usable_servers",
      help: "Servers that take new requests.",
      value: cell(BACKEND.USABLE),
    },
    { name: "active_requests", help: "Requests on servers now.", value: cell(BACKEND.ACTIVE) },
    { name: "queued_requests", help: "Requests waiting now.", value: cell(BACKEND.QUEUED) },
  ];
  writeGauges(out, PREFIX, gauges, backends);
  writeColumns(out, PREFIX, COUNTERS, backends);
  writeResponses(out, PREFIX, "Answers of the backend's servers, by class.", backends);
  out.family({
    name: `${PREFIX}_response_time_seconds`,
    type: "histogram",
    unit: "seconds",
    help: "Until the first byte of a server's answer.",
  });
  for (const { labels, slot } of backends) {
    out.histogram(labels, durations(board, "backendTimes", slot));
  }
}
