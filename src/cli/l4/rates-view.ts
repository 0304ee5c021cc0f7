import { formatEndpoint } from "#base/address.ts";
import type { DirectorView, ServiceServerView, ServiceView } from "#control/api.ts";
import { bytes, count } from "../figures.ts";
import type { Style } from "../style.ts";
import { type Column, formatTable, left, right } from "../table.ts";
import { virtualsOf } from "./virtual.ts";

const COLUMNS: readonly Column[] = [
  left("SERVICE"),
  left("ADDRESS"),
  right("WEIGHT"),
  right("ACTIVE"),
  right("INACTIVE"),
  right("CONN/S"),
  right("IN PKT/S"),
  right("OUT PKT/S"),
  right("IN/S"),
  right("OUT/S"),
];

/** Services and their servers with what they do a second, a line each. */
export function ratesView({ connections, services }: DirectorView, style: Style): string[] {
  const { count: tracked, size } = connections;
  const rows = services.flatMap((service) => [
    serviceRow(service, style),
    ...service.servers.map((server) => serverRow(server)),
  ]);
  const head = `${style.bold(count(tracked))} of ${count(size)} connections tracked`;
  return [head, "", ...formatTable(COLUMNS, rows, style.dim).split("\n")];
}

function serviceRow(service: ServiceView, style: Style): string[] {
  const { servers, name } = service;
  const [first, ...more] = virtualsOf(service);
  const sum = (key: "weight" | "active" | "inactive"): string =>
    count(servers.reduce((total, server) => total + server[key], 0));
  const address = first ? `${first.protocol} ${first.address}` : "";
  return [
    style.bold(name),
    more.length > 0 ? `${address} and ${more.length} more` : address,
    ...[sum("weight"), sum("active"), sum("inactive")],
    ...rateCells(service.rates),
  ];
}

function serverRow({ name, host, port, weight, active, inactive, rates }: ServiceServerView) {
  const load = [count(weight), count(active), count(inactive)];
  return [
    `  ${name}`,
    host === "" ? "-" : formatEndpoint(host, port),
    ...load,
    ...rateCells(rates),
  ];
}

const rateCells = (rates: ServiceView["rates"]): string[] => [
  count(rates.connections),
  count(rates.inPackets),
  count(rates.outPackets),
  bytes(rates.inBytes),
  bytes(rates.outBytes),
];
