import { formatAddress } from "#base/address.ts";
import type { DirectorView, ServiceServerView, ServiceView } from "#control/api.ts";
import { COUNTER } from "#plan/director-numbers.ts";
import { forwardingOf } from "#plan/forwarding.ts";
import type { Plan, ServerPlan, ServicePlan } from "#plan/plan.ts";

export const NOTHING_COUNTED = Object.freeze({
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
});

/** What a director would say that has just put a Plan in force, all servers being up. */
export function directorStatusOf(plan: Plan): DirectorView | undefined {
  const { director } = plan;
  if (!director) return undefined;
  const incidents = Object.keys(COUNTER).filter((name) => name !== "ROWS");
  return {
    problem: undefined,
    interfaces: director.interfaces.map((device) => ({ device, hook: "tcx", problem: undefined })),
    connections: { count: 0, size: director.connections, wanted: director.connections },
    incidents: Object.fromEntries(incidents.map((name) => [name, 0])) as unknown as NonNullable<
      DirectorView["incidents"]
    >,
    services: plan.services.map((service) => serviceStatus(plan, service)),
  };
}

function serviceStatus(plan: Plan, service: ServicePlan): ServiceView {
  const { name, protocols, binds, mark, markFamily, method, persistence } = service;
  const { onNoServer, onServerRemoved, maxConnections, maxPerSource, synProxy } = service;
  const backend = plan.backends[service.backend]!;
  return {
    ...{ name, protocols, binds, mark, markFamily, method, persistence },
    backend: backend.name,
    scheduler: backend.balance.name,
    schedulerOptions: backend.balance.options,
    onePacket: service.onePacket,
    counts: NOTHING_COUNTED,
    rates: NOTHING_COUNTED,
    ...{ onNoServer, onServerRemoved, maxConnections, maxPerSource, synProxy },
    servers: backend.servers.map((server) => serverStatus(service, server)),
  };
}

function serverStatus(service: ServicePlan, server: ServerPlan): ServiceServerView {
  const { address } = server;
  if (address.kind !== "inet") throw new Error(`${formatAddress(address)} is no IP address`);
  return {
    name: server.name,
    ...forwardingOf(service, server),
    host: address.host,
    port: address.port,
    weight: server.admin === "ready" ? server.weight : 0,
    upper: server.maxConnections,
    lower: server.minConnections,
    active: 0,
    inactive: 0,
    counts: NOTHING_COUNTED,
    rates: NOTHING_COUNTED,
  };
}
