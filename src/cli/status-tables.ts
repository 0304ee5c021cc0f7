import type {
  BackendDocument,
  FrontendDocument,
  ServerDocument,
  ServiceDocument,
  StatusDocument,
  WorkerDocument,
} from "#monitor/document.ts";
import { bytes, count, latency, span } from "./figures.ts";
import { printable, type Style } from "./style.ts";
import { formatTable, left, right } from "./table.ts";

/** Every state in a shape and a word; the colour is only a help. */
const STATES = {
  up: { shape: "●", paint: "green" },
  open: { shape: "●", paint: "green" },
  running: { shape: "●", paint: "green" },
  warming: { shape: "◐", paint: "yellow" },
  starting: { shape: "◐", paint: "yellow" },
  drain: { shape: "◆", paint: "yellow" },
  draining: { shape: "◆", paint: "yellow" },
  maint: { shape: "■", paint: "dim" },
  paused: { shape: "■", paint: "dim" },
  unknown: { shape: "○", paint: "dim" },
  down: { shape: "▼", paint: "red" },
  dead: { shape: "▼", paint: "red" },
} as const satisfies Record<string, { shape: string; paint: Exclude<keyof Style, "enabled"> }>;

export function stateText(state: string, style: Style): string {
  const known = Object.hasOwn(STATES, state) ? STATES[state as keyof typeof STATES] : undefined;
  return known ? style[known.paint](`${known.shape} ${state}`) : printable(state);
}

/** Nothing is dim, something is loud. */
const errors = (perSecond: number, style: Style): string =>
  perSecond > 0 ? style.red(count(perSecond)) : style.dim("0");

/** Weight in force, and the configured one where they differ. */
const weightText = ({ weight, effectiveWeight }: ServerDocument): string =>
  weight === effectiveWeight ? String(weight) : `${count(effectiveWeight)}/${weight}`;

const activeText = ({ active, maxConnections }: ServerDocument): string =>
  maxConnections > 0 ? `${active}/${maxConnections}` : String(active);

export function workersTable(workers: readonly WorkerDocument[], style: Style): string {
  const columns = [left("WORKER"), left("STATE"), left("DRIVER"), right("CONNECTIONS")];
  const rows = workers.map((worker) => [
    String(worker.index),
    stateText(worker.state, style),
    worker.driver,
    count(worker.connections),
    count(worker.upstreams),
    worker.logDropped > 0 ? style.yellow(count(worker.logDropped)) : style.dim("0"),
  ]);
  return formatTable([...columns, right("UPSTREAM"), right("LOG DROPPED")], rows, style.dim);
}

const FRONTENDS = [
  left("FRONTEND"),
  left("STATE"),
  left("LISTENS ON"),
  right("CONNECTIONS"),
  right("REQ/S"),
  right("4XX/S"),
  right("5XX/S"),
  right("P95"),
  right("SENT/S"),
];

export function frontendsTable(frontends: readonly FrontendDocument[], style: Style): string {
  const rows = frontends.map((frontend) => [
    frontend.name,
    stateText(frontend.state, style),
    frontend.binds.join(" "),
    `${count(frontend.connections)}/${count(frontend.maxConnections)}`,
    count(frontend.requestsPerSecond),
    count(frontend.clientErrorsPerSecond),
    errors(frontend.serverErrorsPerSecond, style),
    latency(frontend.latency.p95Ms),
    bytes(frontend.bytesOutPerSecond),
  ]);
  return formatTable(FRONTENDS, rows, style.dim);
}

const SERVERS = [
  left("SERVER"),
  left("STATE"),
  left("ADDRESS"),
  right("WEIGHT"),
  right("ACTIVE"),
  right("QUEUED"),
  right("REQ/S"),
  right("4XX/S"),
  right("5XX/S"),
  right("LATENCY"),
  left("LAST CHECK"),
];

export type ServerRow = { readonly backend: BackendDocument; readonly server: ServerDocument };

/** Servers of some backends, in the order of the configuration. */
export const serverRows = (backends: readonly BackendDocument[]): ServerRow[] =>
  backends.flatMap((backend) => backend.servers.map((server) => ({ backend, server })));

export function serversTable(servers: readonly ServerRow[], style: Style): string {
  const rows = servers.map(({ backend, server }) => [
    `${backend.name}/${server.name}${server.backup ? style.dim(" backup") : ""}`,
    stateText(server.state, style),
    server.address,
    weightText(server),
    activeText(server),
    server.queued > 0 ? style.yellow(String(server.queued)) : style.dim("0"),
    count(server.requestsPerSecond),
    count(server.clientErrorsPerSecond),
    errors(server.serverErrorsPerSecond, style),
    latency(server.responseMs),
    server.check.ok === false
      ? style.red(printable(server.check.text))
      : style.dim(printable(server.check.text)),
  ]);
  return formatTable(SERVERS, rows, style.dim);
}

const SERVICES = [
  left("SERVICE"),
  left("ADDRESS"),
  left("METHOD"),
  left("SCHEDULER"),
  right("SERVERS"),
  right("ACTIVE"),
  right("INACTIVE"),
  right("CONN/S"),
  right("IN/S"),
  right("OUT/S"),
];

/** Addresses of a service that are shown; the rest is a number. */
const ADDRESSES = 2;

export function servicesTable(services: readonly ServiceDocument[], style: Style): string {
  const rows = services.map((service) => {
    const { addresses, usable, servers } = service;
    const more = addresses.length - ADDRESSES;
    const shown = [...addresses.slice(0, ADDRESSES), ...(more > 0 ? [`and ${more} more`] : [])];
    const share = `${usable}/${servers}`;
    return [
      service.name,
      shown.join(", "),
      service.method,
      service.scheduler,
      usable === 0 ? style.red(share) : share,
      count(service.active),
      count(service.inactive),
      count(service.connectionsPerSecond),
      bytes(service.bytesInPerSecond),
      bytes(service.bytesOutPerSecond),
    ];
  });
  return formatTable(SERVICES, rows, style.dim);
}

/** One line: what runs, for how long, with which configuration. */
export function headline(status: StatusDocument, style: Style): string {
  const { engine, version } = status;
  const parts = [
    stateText(engine.state, style),
    `configuration ${engine.generation}`,
    `up ${span(engine.uptimeMs)}`,
    `process ${engine.pid}`,
  ];
  return `${style.bold(`weir ${version}`)}  ${parts.join(", ")}`;
}

/** Where layer 4 takes packets: a line, or none. */
export function takings({ director }: StatusDocument): string[] {
  const taken = (director?.interfaces ?? []).filter(({ hook }) => hook !== "");
  const all = taken.map(
    ({ device, hook, xdp }) => `${device} by ${xdp ? "XDP (native) and " : ""}${hook}`,
  );
  return all.length > 0 ? [`layer 4 takes packets of ${all.map(printable).join(", ")}`] : [];
}

/** What somebody should look at; empty when all is well. */
export function warnings(status: StatusDocument, style: Style): string[] {
  const { reload } = status.engine;
  const refused = reload.ok
    ? []
    : [style.red(`▼ the last reload was refused: ${printable(reload.message)}`)];
  const empty = status.backends
    .filter((backend) => backend.usable === 0)
    .map(({ name }) => style.red(`▼ backend ${name} has no server left`));
  const problem = status.director?.problem ?? "";
  const untaken = problem === "" ? [] : [style.red(`▼ layer 4: ${printable(problem)}`)];
  const missed = [status.director?.xdp ?? "", status.director?.table ?? ""]
    .filter((text) => text !== "")
    .map((text) => style.yellow(`▼ layer 4: ${printable(text)}`));
  return [...refused, ...untaken, ...missed, ...empty];
}
