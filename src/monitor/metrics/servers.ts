import type { ControlApi } from "#control/api.ts";
import {
  ADMIN,
  ADMIN_NAMES,
  HEALTH,
  HEALTH_NAMES,
  SERVER,
  SERVER_TOTALS,
  WEIGHT_SCALE,
} from "#plan/board.ts";
import { sumRow } from "../totals.ts";
import {
  type ColumnMetric,
  type ColumnsOf,
  type GaugeMetric,
  writeColumns,
  writeGauges,
  writeResponses,
} from "./columns.ts";
import type { Exposition, Labels } from "./exposition.ts";
import type { MetricsQuery } from "./query.ts";

const PREFIX = "weir_server";

const COUNTERS: readonly ColumnMetric<ColumnsOf<typeof SERVER_TOTALS>>[] = [
  { column: "REQUESTS", name: "requests", help: "Requests given to the server." },
  { column: "CONNECTS", name: "connects", help: "Connections made to the server." },
  { column: "REUSES", name: "reuses", help: "Requests sent over a kept connection." },
  { column: "BYTES_IN", name: "received_bytes", help: "Bytes of requests." },
  { column: "BYTES_OUT", name: "sent_bytes", help: "Bytes of answers." },
  { column: "CONNECT_ERRORS", name: "connect_errors", help: "Connections that failed." },
  {
    column: "RESPONSE_ERRORS",
    name: "response_errors",
    help: "Answers that broke off or broke the protocol.",
  },
  { column: "RETRIES", name: "retries", help: "Requests tried again after this server failed." },
  {
    column: "REDISPATCHES",
    name: "redispatches",
    help: "Requests that went to another server instead.",
  },
  { column: "CLIENT_ABORTS", name: "client_aborts", help: "Exchanges that the client broke off." },
  { column: "SERVER_ABORTS", name: "server_aborts", help: "Exchanges that the server broke off." },
  {
    column: "CONNECT_MS",
    name: "connect_seconds",
    help: "Time spent connecting.",
    milliseconds: true,
  },
  {
    column: "RESPONSE_MS",
    name: "response_seconds",
    help: "Time until answers began.",
    milliseconds: true,
  },
  {
    column: "TOTAL_MS",
    name: "exchange_seconds",
    help: "Time of whole exchanges.",
    milliseconds: true,
  },
];

interface Cells {
  readonly labels: Labels;
  readonly cell: (column: number) => number;
}

const is = (column: number, value: number) => (of: Cells) => (of.cell(column) === value ? 1 : 0);
const cell = (column: number) => (of: Cells) => of.cell(column);

const GAUGES: readonly GaugeMetric<Cells>[] = [
  {
    name: "up",
    help: "1 when checks saw it up, or nothing checks it.",
    value: (of) => (of.cell(SERVER.HEALTH) === HEALTH.DOWN ? 0 : 1),
  },
  {
    name: "weight",
    help: "Weight, as configured or as an operator said.",
    value: cell(SERVER.WEIGHT),
  },
  {
    name: "effective_weight",
    help: "Weight the scheduler uses; 0 = takes no new requests.",
    value: (of) => of.cell(SERVER.EFFECTIVE) / WEIGHT_SCALE,
  },
  { name: "active_requests", help: "Requests in flight now.", value: cell(SERVER.ACTIVE) },
  { name: "queued_requests", help: "Requests waiting for it now.", value: cell(SERVER.QUEUED) },
  { name: "idle_connections", help: "Connections kept for reuse.", value: cell(SERVER.IDLE) },
  {
    name: "max_connections",
    help: "Requests in flight allowed; 0 = no limit.",
    value: cell(SERVER.MAX_CONNECTIONS),
  },
  {
    name: "check_duration_seconds",
    unit: "seconds",
    help: "How long the last check took.",
    value: (of) => of.cell(SERVER.CHECK_MS) / 1000,
  },
];

/** Counters that control keeps on the Board, not the workers. */
const CHECK_COUNTERS = [
  { column: SERVER.CHECKS, name: "checks", help: "Checks made.", scale: 1 },
  { column: SERVER.CHECK_FAILS, name: "check_failures", help: "Checks that failed.", scale: 1 },
  { column: SERVER.DOWNS, name: "downs", help: "Times it went down.", scale: 1 },
  {
    column: SERVER.DOWN_MS,
    name: "down_seconds",
    help: "Time it was down, outages that are over.",
    scale: 1000,
  },
] as const;

/** Every server of the Plan. */
export function writeServers(api: ControlApi, out: Exposition, query: MetricsQuery): void {
  const { board } = api;
  const servers = api.plan().backends.flatMap((backend) =>
    backend.servers.map(({ name, slot }) => ({
      labels: { backend: backend.name, server: name },
      cell: (column: number) => board.servers[slot * SERVER.size + column]!,
      totals: sumRow(board, "servers", SERVER_TOTALS, slot),
    })),
  );
  const shown = servers.filter((s) => !query.noMaint || s.cell(SERVER.ADMIN) !== ADMIN.MAINT);
  writeStates(out, shown);
  writeGauges(out, PREFIX, GAUGES, shown);
  for (const { column, name, help, scale } of CHECK_COUNTERS) {
    const unit = scale === 1000 ? ({ unit: "seconds" } as const) : {};
    out.family({ name: `${PREFIX}_${name}`, type: "counter", help, ...unit });
    for (const { labels, cell: read } of shown) out.sample(labels, read(column) / scale);
  }
  writeColumns(out, PREFIX, COUNTERS, shown);
  writeResponses(out, PREFIX, "Answers of the server, by class.", shown);
}

/** A state is a gauge of its own for each value: never a label of a counter. */
function writeStates(out: Exposition, servers: readonly Cells[]): void {
  const sets = [
    { name: "admin_state", column: SERVER.ADMIN, values: ADMIN_NAMES },
    { name: "health_state", column: SERVER.HEALTH, values: HEALTH_NAMES },
  ];
  for (const { name, column, values } of sets) {
    out.family({ name: `${PREFIX}_${name}`, type: "gauge", help: "1 for the state it is in." });
    for (const server of servers) {
      for (const [value, state] of values.entries()) {
        out.sample({ ...server.labels, state }, is(column, value)(server));
      }
    }
  }
}
