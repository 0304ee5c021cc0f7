import type { ControlApi } from "#control/api.ts";
import { FRONTEND, FRONTEND_TOTALS } from "#plan/board.ts";
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

const PREFIX = "weir_frontend";

const COUNTERS: readonly ColumnMetric<ColumnsOf<typeof FRONTEND_TOTALS>>[] = [
  { column: "CONNECTIONS", name: "connections", help: "Client connections accepted." },
  { column: "REQUESTS", name: "requests", help: "Requests received." },
  { column: "BYTES_IN", name: "received_bytes", help: "Bytes received from clients." },
  { column: "BYTES_OUT", name: "sent_bytes", help: "Bytes sent to clients." },
  { column: "DENIED", name: "denied_requests", help: "Requests that a rule denied." },
  { column: "MALFORMED", name: "malformed_requests", help: "Requests that broke the protocol." },
  { column: "REFUSED", name: "refused_connections", help: "Connections refused at a limit." },
  { column: "FULL", name: "full", help: "Times that its `maxConnections` was reached." },
  { column: "TIMEOUTS", name: "timeouts", help: "Clients that were too slow." },
  { column: "ABORTS", name: "aborts", help: "Clients that left in the middle." },
  { column: "UPGRADES", name: "upgrades", help: "Connections that became tunnels." },
];

/** Every frontend of the Plan. */
export function writeFrontends(api: ControlApi, out: Exposition): void {
  const { board } = api;
  const frontends = api.plan().frontends.map(({ name, slot }) => ({
    labels: { frontend: name },
    slot,
    row: slot * FRONTEND.size,
    totals: sumRow(board, "frontends", FRONTEND_TOTALS, slot),
  }));
  const cell = (column: number) => (of: { row: number }) => board.frontends[of.row + column]!;
  const gauges = [
    {
      name: "open_connections",
      help: "Client connections open now.",
      value: cell(FRONTEND.CONNECTIONS),
    },
    {
      name: "max_connections",
      help: "Client connections allowed.",
      value: cell(FRONTEND.MAX_CONNECTIONS),
    },
    {
      name: "paused",
      help: "1 while it accepts nothing.",
      value: cell(FRONTEND.STATE),
    },
  ];
  writeGauges(out, PREFIX, gauges, frontends);
  writeColumns(out, PREFIX, COUNTERS, frontends);
  writeResponses(out, PREFIX, "Answers sent to clients, by class.", frontends);
  out.family({
    name: `${PREFIX}_request_duration_seconds`,
    type: "histogram",
    unit: "seconds",
    help: "From a request's first byte to the last of its answer.",
  });
  for (const { labels, slot } of frontends) {
    out.histogram(labels, durations(board, "frontendTimes", slot));
  }
}
