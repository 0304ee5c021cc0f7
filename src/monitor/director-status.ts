import { formatEndpoint } from "#base/address.ts";
import { formatServiceAddress } from "#config/model/service-address.ts";
import type { ControlApi, DirectorView, ServiceServerView, ServiceView } from "#control/api.ts";
import { tableRemarks } from "#control/connection-table.ts";
import type {
  DirectorDocument,
  MemberDocument,
  ServiceDocument,
  TakingDocument,
} from "./document.ts";

/** What somebody should know: why packets are not taken, or where not; empty when all is well. */
export function directorProblem({ problem, interfaces }: DirectorView): string {
  const untaken = interfaces.filter((one) => one.problem !== undefined);
  const all = untaken.map((one) => `packets of ${one.device} are not taken: ${one.problem}`);
  return [...(problem === undefined ? [] : [problem]), ...all].join("; ");
}

/** Where XDP cannot be had, and why. Packets are taken all the same. */
const xdpProblem = ({ xdp }: DirectorView): string =>
  (xdp?.interfaces ?? [])
    .flatMap(({ device, problem }) => (problem ? `no XDP at ${device}: ${problem}` : []))
    .join("; ");

/** What somebody should know of the connection table. Packets are taken all the same. */
export const tableProblem = ({ connections }: DirectorView): string =>
  tableRemarks(connections).join("; ");

/** Whether a server takes new connections. */
export const takesNew = ({ host, weight }: ServiceServerView): boolean => host !== "" && weight > 0;

/** The part of the status document. */
export function directorDocument(api: ControlApi): DirectorDocument | null {
  const status = api.director();
  const plan = api.plan().director;
  if (!status || !plan) return null;
  return {
    problem: directorProblem(status),
    xdp: xdpProblem(status),
    interfaces: status.interfaces.map((taking) => takingDocument(taking, status)),
    table: tableProblem(status),
    pins: plan.pins,
    connections: status.connections.count,
    size: status.connections.size,
    services: status.services.map(serviceDocument),
  };
}

function takingDocument(
  { device, hook }: DirectorView["interfaces"][number],
  { xdp }: DirectorView,
): TakingDocument {
  const isFast = xdp?.interfaces.some((one) => one.device === device && one.problem === undefined);
  return { device, hook: hook ?? "", xdp: isFast === true };
}

function serviceDocument(service: ServiceView): ServiceDocument {
  const { name, backend, scheduler, servers, counts, rates } = service;
  const sum = (key: "active" | "inactive"): number =>
    servers.reduce((total, server) => total + server[key], 0);
  return {
    ...{ name, backend, scheduler },
    method: methodsOf(service).join("+"),
    addresses: serviceAddresses(service),
    servers: servers.length,
    usable: servers.filter(takesNew).length,
    active: sum("active"),
    inactive: sum("inactive"),
    connections: counts.connections,
    ...ratesOf(rates),
    members: servers.map(memberDocument),
  };
}

/** Of its servers, or where it has none its own. */
const methodsOf = ({ method, servers }: ServiceView): string[] =>
  servers.length === 0 ? [method] : [...new Set(servers.map((server) => server.method))];

const ratesOf = (rates: ServiceView["rates"]) => ({
  connectionsPerSecond: rates.connections,
  packetsInPerSecond: rates.inPackets,
  packetsOutPerSecond: rates.outPackets,
  bytesInPerSecond: rates.inBytes,
  bytesOutPerSecond: rates.outBytes,
});

function memberDocument(server: ServiceServerView): MemberDocument {
  const { name, host, port, method, weight, active, inactive, rates } = server;
  return {
    ...{ name, method, weight, active, inactive },
    address: port === 0 || host === "" ? host : formatEndpoint(host, port),
    ...ratesOf(rates),
  };
}

function serviceAddresses({ protocols, binds, mark }: ServiceView): string[] {
  const what = protocols.join("+");
  return mark > 0 ? [`mark ${mark}`] : binds.map((bind) => `${what} ${formatServiceAddress(bind)}`);
}
