import type { ControlApi, DirectorView, ServiceView } from "#control/api.ts";
import { type GaugeMetric, writeGauges } from "./columns.ts";
import type { Exposition, Labels } from "./exposition.ts";
import { writeSync } from "./sync.ts";

type Counts = ServiceView["counts"];

/** A service, or a server of one. */
interface Counted {
  readonly labels: Labels;
  readonly counts: Counts;
}

const COUNTERS: readonly { column: keyof Counts; name: string; help: string }[] = [
  { column: "connections", name: "connections", help: "Connections given to servers." },
  { column: "inPackets", name: "in_packets", help: "Packets from clients." },
  { column: "outPackets", name: "out_packets", help: "Packets to clients that came this way." },
  { column: "inBytes", name: "in_bytes", help: "Bytes of packets from clients." },
  { column: "outBytes", name: "out_bytes", help: "Bytes of packets to clients." },
];

interface Load {
  readonly active: number;
  readonly inactive: number;
}

const LOADS: readonly GaugeMetric<Load>[] = [
  {
    name: "active_connections",
    help: "Connections that are established, or being set up.",
    value: (of) => of.active,
  },
  {
    name: "inactive_connections",
    help: "Tracked connections in any other state.",
    value: (of) => of.inactive,
  },
];

/** The director, its services and their servers; nothing where there is no service. */
export function writeServices(api: ControlApi, out: Exposition): void {
  const status = api.director();
  if (!status) return;
  writeDirector(status, out);
  writeSync(status, out);
  const services = status.services.map(({ name, counts, servers }) => ({
    labels: { service: name },
    counts,
    active: servers.reduce((sum, server) => sum + server.active, 0),
    inactive: servers.reduce((sum, server) => sum + server.inactive, 0),
  }));
  writeGauges(out, "weir_service", LOADS, services);
  writeCounters(out, "weir_service", services);
  const servers = status.services.flatMap((service) =>
    service.servers.map((server) => ({
      ...server,
      labels: { service: service.name, server: server.name },
    })),
  );
  const weight = {
    name: "weight",
    help: "Weight that connections are given out by; 0: it takes none.",
    value: (of: { readonly weight: number }) => of.weight,
  };
  writeGauges(out, "weir_service_server", [weight], servers);
  writeGauges(out, "weir_service_server", LOADS, servers);
  writeCounters(out, "weir_service_server", servers);
}

function writeCounters(out: Exposition, prefix: string, things: readonly Counted[]): void {
  for (const { column, name, help } of COUNTERS) {
    const unit = name.endsWith("_bytes") ? ({ unit: "bytes" } as const) : {};
    out.family({ name: `${prefix}_${name}`, type: "counter", help, ...unit });
    for (const { labels, counts } of things) out.sample(labels, counts[column]);
  }
}

function writeDirector(status: DirectorView, out: Exposition): void {
  const { connections, interfaces, incidents, problem, xdp } = status;
  const gauge = (name: string, help: string, value: number): void => {
    out.family({ name, type: "gauge", help });
    out.sample({}, value);
  };
  gauge("weir_director_up", "1 while packets are directed.", problem === undefined ? 1 : 0);
  gauge("weir_director_connections", "Connections tracked, as last counted.", connections.count);
  gauge("weir_director_connections_size", "Entries of the connection table.", connections.size);
  out.family({
    name: "weir_director_interface_up",
    type: "gauge",
    help: "1 while packets of the interface are taken.",
  });
  for (const one of interfaces) {
    out.sample({ interface: one.device }, one.problem === undefined ? 1 : 0);
  }
  out.family({
    name: "weir_director_interface_xdp",
    type: "gauge",
    help: "1 while XDP takes packets of known flows there; 0 where it is wanted and cannot.",
  });
  for (const one of xdp?.interfaces ?? []) {
    out.sample({ interface: one.device }, one.problem === undefined ? 1 : 0);
  }
  const help = "Packets that XDP has sent on; they are counted by service too.";
  out.family({ name: "weir_director_xdp_packets", type: "counter", help });
  if (xdp) out.sample({}, xdp.packets);
  out.family({
    name: "weir_director_incidents",
    type: "counter",
    help: "Packets that were not simply forwarded, by reason.",
  });
  for (const [kind, count] of Object.entries(incidents ?? {})) {
    out.sample({ kind: kind.toLowerCase() }, count);
  }
}
