import { formatIp, parseIp } from "#base/ip.ts";
import { markFamilyOf } from "../compile/director.ts";
import type { Backend } from "../model/backend.ts";
import type { Service } from "../model/service.ts";
import type { Path, Review } from "../review.ts";

/** One service and the backend that serves it. */
interface Pair {
  readonly name: string;
  readonly service: Service;
  readonly backend: Backend;
}

type Family = 4 | 6;

/** The servers of each service can be reached by its method. */
export function checkServiceServers(review: Review): void {
  const { backends, services } = review.model;
  for (const [name, service] of services) {
    const backend = backends.get(service.backend);
    if (!backend) continue;
    const pair: Pair = { name, service, backend };
    const { method } = service;
    if (method === "nat" || method === "dr" || method === "fullnat") checkFamilies(review, pair);
    if (method === "nat" || method === "fullnat") checkMapping(review, pair);
    else checkKeptPorts(review, pair);
    if (method === "fullnat" && !review.isBroken("director")) checkLocalAddresses(review, pair);
  }
}

const familyOf = (host: string): Family => (formatIp(parseIp(host)!).includes(":") ? 6 : 4);

const serverPath = ({ service }: Pair, server: string): Path => [
  "backends",
  service.backend,
  "servers",
  server,
  "address",
];

/** Servers whose address is written; names may turn out to be of either family. */
const literals = ({ backend }: Pair): { readonly server: string; readonly family: Family }[] =>
  [...backend.servers].flatMap(([server, { address }]) =>
    address.kind === "inet" ? [{ server, family: familyOf(address.host) }] : [],
  );

/** A packet leaves as it came: IPv4 or IPv6. */
function checkFamilies(review: Review, pair: Pair): void {
  const { name, service } = pair;
  const { method, bind, mark } = service;
  const families = new Set(bind?.map(({ host }) => familyOf(host)));
  if (bind === undefined && mark !== undefined) families.add(markFamilyOf(service));
  if (families.size > 1) {
    review.error(["services", name, "bind"], `method ${method} cannot mix IPv4 and IPv6`, {
      expected: "a service for each",
    });
    return;
  }
  const [family] = families;
  for (const { server, family: other } of literals(pair)) {
    if (family === undefined || other === family) continue;
    const message = `service ${name} is IPv${family}, and method ${method} cannot change that`;
    review.error(serverPath(pair, server), message, {
      expected: `an IPv${family} address, or method tun`,
    });
  }
}

/** More ports than one that all lead to one port of a server are seldom meant. */
function checkMapping(review: Review, pair: Pair): void {
  const { name, service, backend } = pair;
  const binds = service.bind ?? [];
  const ports = new Set(binds.flatMap(({ firstPort, lastPort }) => [firstPort, lastPort]));
  if (ports.size < 2) return;
  for (const [server, { address }] of backend.servers) {
    if (!("port" in address) || address.port === 0) continue;
    const message = `every port leads to port ${address.port} of server ${server}`;
    review.warning(["services", name, "bind"], message, {
      expected: "port 0 in the server's address keeps the one that the client asked for",
    });
    return;
  }
}

/** Methods that hand packets on as they are: a server's port is for checks. */
function checkKeptPorts(review: Review, pair: Pair): void {
  const { name, service, backend } = pair;
  const { bind, method } = service;
  if (bind === undefined) return;
  for (const [server, { address }] of backend.servers) {
    if (!("port" in address) || address.port === 0) continue;
    const { port } = address;
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
  const at: Path = ["services", pair.name, "method"];
  const expected = "one in director.localAddresses";
  const found = literals(pair);
  if (found.length === 0 && local.length === 0) {
    review.error(at, "fullnat has no address of ours to reach servers from", { expected });
  }
  for (const family of [4, 6] as const) {
    const first = found.find((server) => server.family === family);
    if (!first || local.includes(family)) continue;
    const message = `fullnat has no IPv${family} address of ours to reach server ${first.server} from`;
    review.error(at, message, { expected });
  }
}
