import { formatIp, parseIp } from "#base/ip.ts";
import { translates } from "#plan/forwarding.ts";
import { markFamilyOf } from "../compile/director.ts";
import type { Backend } from "../model/backend.ts";
import type { Service } from "../model/service.ts";
import type { Path, Review } from "../review.ts";
import { type Method, methodTo, type Way, waysOf } from "../service-ways.ts";

/** One service and the backend that serves it. */
interface Pair {
  readonly name: string;
  readonly service: Service;
  readonly backend: Backend;
  readonly ways: readonly Way[];
}

type Family = 4 | 6;

/** The servers of each service can be reached by the methods that packets to them go by. */
export function checkServiceServers(review: Review): void {
  const { backends, services } = review.model;
  for (const [name, service] of services) {
    const backend = backends.get(service.backend);
    if (!backend) continue;
    const pair: Pair = { name, service, backend, ways: waysOf(review, name, service) };
    checkFamilies(review, pair);
    checkMapping(review, pair);
    checkKeptPorts(review, pair);
    if (!review.isBroken("director")) checkLocalAddresses(review, pair);
  }
}

/** Methods that keep a packet's family: a tunnel carries one in the other. */
const keepsFamily = (method: Method): boolean =>
  method === "nat" || method === "dr" || method === "fullnat";

const familyOf = (host: string): Family => (formatIp(parseIp(host)!).includes(":") ? 6 : 4);

const serverPath = ({ service }: Pair, server: string): Path => [
  "backends",
  service.backend,
  "servers",
  server,
  "address",
];

/** Servers, and the methods by which packets of the service get there. */
const serversOf = ({ service, backend }: Pair) =>
  [...backend.servers].map(([server, one]) => ({
    ...{ server, address: one.address, method: methodTo(service, one) },
  }));

/** Servers whose address is written; names may turn out to be of either family. */
const literals = (pair: Pair) =>
  serversOf(pair).flatMap(({ server, address, method }) =>
    address.kind === "inet" ? [{ server, method, family: familyOf(address.host) }] : [],
  );

/** Servers that have a port of their own. */
const portsOf = (pair: Pair) =>
  serversOf(pair).flatMap(({ server, address, method }) =>
    "port" in address && address.port !== 0 ? [{ server, method, port: address.port }] : [],
  );

/** A packet leaves as it came: IPv4 or IPv6. */
function checkFamilies(review: Review, pair: Pair): void {
  const { name, service, ways } = pair;
  const { bind, mark } = service;
  const way = ways.find(({ method }) => keepsFamily(method));
  if (!way) return;
  const families = new Set(bind?.map(({ host }) => familyOf(host)));
  if (bind === undefined && mark !== undefined) families.add(markFamilyOf(service));
  if (families.size > 1) {
    review.error(["services", name, "bind"], `method ${way.method} cannot mix IPv4 and IPv6`, {
      expected: "a service for each",
    });
    return;
  }
  const [family] = families;
  for (const { server, method, family: other } of literals(pair)) {
    if (!keepsFamily(method) || family === undefined || other === family) continue;
    const message = `service ${name} is IPv${family}, and method ${method} cannot change that`;
    review.error(serverPath(pair, server), message, {
      expected: `an IPv${family} address, or method tun`,
    });
  }
}

/** More ports than one that all lead to one port of a server are seldom meant. */
function checkMapping(review: Review, pair: Pair): void {
  const { name, service } = pair;
  const binds = service.bind ?? [];
  const ports = new Set(binds.flatMap(({ firstPort, lastPort }) => [firstPort, lastPort]));
  const mapped = portsOf(pair).find(({ method }) => translates(method));
  if (ports.size < 2 || !mapped) return;
  const message = `every port leads to port ${mapped.port} of server ${mapped.server}`;
  review.warning(["services", name, "bind"], message, {
    expected: "port 0 in the server's address keeps the one that the client asked for",
  });
}

/** Methods that hand packets on as they are: a server's port is for checks. */
function checkKeptPorts(review: Review, pair: Pair): void {
  const { name, service } = pair;
  const { bind } = service;
  if (bind === undefined) return;
  for (const { server, method, port } of portsOf(pair)) {
    if (translates(method)) continue;
    if (bind.some(({ firstPort, lastPort }) => firstPort <= port && port <= lastPort)) continue;
    review.warning(
      serverPath(pair, server),
      `port ${port} is for checks only: method ${method} of service ${name} keeps the client's port`,
    );
  }
}

/** What servers see as the client is an address of ours. */
function checkLocalAddresses(review: Review, pair: Pair): void {
  const local = review.model.director.localAddresses.map(familyOf);
  const way = pair.ways.find(({ method }) => method === "fullnat");
  if (!way) return;
  const expected = "one in director.localAddresses";
  const found = literals(pair).filter(({ method }) => method === "fullnat");
  if (found.length === 0 && local.length === 0) {
    review.error(way.at, "fullnat has no address of ours to reach servers from", { expected });
  }
  for (const family of [4, 6] as const) {
    const first = found.find((server) => server.family === family);
    if (!first || local.includes(family)) continue;
    const message = `fullnat has no IPv${family} address of ours to reach server ${first.server} from`;
    const own = pair.ways.find(({ server }) => server === first.server) ?? way;
    review.error(own.at, message, { expected });
  }
}
