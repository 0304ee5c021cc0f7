import { protocolsOf } from "../compile/director.ts";
import type { Service } from "../model/service.ts";
import type { Path, Review } from "../review.ts";
import { methodsIn, ofService, type Way, waysOf } from "../service-ways.ts";

/** What each service says fits together, and the director has what services need. */
export function checkServices(review: Review): void {
  const { services, director } = review.model;
  const [first] = services.keys();
  if (first !== undefined && director.interfaces.length === 0 && !review.isBroken("director")) {
    review.error(["services", first], "there is no interface to take packets from", {
      expected: "director.interfaces, such as [eth0]",
    });
  }
  checkHook(review);
  for (const [name, service] of services) {
    const path: Path = ["services", name];
    const ways = waysOf(review, name, service);
    checkWhat(review, service, path);
    checkStateless(review, name, service, ways);
    checkBlindness(review, name, service);
    checkClient(review, name, service, ways);
    checkPersistence(review, service, path);
    checkSynProxy(review, name, service, ways);
  }
}

/** Filters of tc, which set marks, come after what is at tcx. */
function checkHook(review: Review): void {
  const { services, director } = review.model;
  const [marked] = [...services].find(([, { mark }]) => mark !== undefined) ?? [];
  if (director.hook !== "tcx" || marked === undefined) return;
  const message = `at tcx packets have no mark yet, and service ${marked} goes by one`;
  review.warning(["director", "hook"], `${message}: filters of tc come later`, {
    expected: "clsact, which auto is where a service goes by mark",
  });
}

/** Either addresses or a mark say which packets are meant. */
function checkWhat(review: Review, { bind, mark, family }: Service, path: Path): void {
  const expected = "either `bind`, or `mark`";
  if (bind === undefined && mark === undefined) {
    review.error(path, "it takes no packets: there is no address and no mark", { expected });
  } else if (bind !== undefined && mark !== undefined) {
    review.error([...path, "mark"], "a service with addresses takes no mark", { expected });
  }
  if (family !== undefined && mark === undefined) {
    review.error([...path, "family"], "only a mark needs a family: an address has its own");
  }
}

/** Whose answers packets of servers are is said by the calls that they are of. */
const knowsAnswers = ({ persistence, bind = [] }: Service): boolean =>
  persistence?.by === "call-id" &&
  bind.length === 1 &&
  bind.every(({ firstPort, lastPort }) => firstPort === lastPort);

/** One packet at a time: nothing that needs connections. */
function checkStateless(
  review: Review,
  name: string,
  service: Service,
  ways: readonly Way[],
): void {
  if (!service.onePacket) return;
  const path: Path = ["services", name];
  const protocols = protocolsOf(service);
  if (protocols.length !== 1 || protocols[0] !== "udp") {
    const at = review.isWritten([...path, "protocol"]) ? "protocol" : "onePacket";
    review.error([...path, at], `onePacket is of UDP alone, not of ${protocols.join(", ")}`, {
      expected: "protocol udp",
    });
  }
  for (const way of ways) {
    const { method, at } = way;
    if (method !== "fullnat" && (method !== "nat" || knowsAnswers(service))) continue;
    const message = `onePacket keeps no connections, by which method ${method} finds answers`;
    const calls = "nat with one address, one port and `persistence: { by: call-id }`";
    review.error(at, message + ofService(name, way), { expected: `method dr or tun, or ${calls}` });
  }
  if (service.onServerRemoved === "keep") {
    const message = "onePacket keeps no connections that could go on";
    review.error([...path, "onServerRemoved"], message, { expected: "drop or reset" });
  }
  for (const limit of ["maxConnections", "maxPerSource"] as const) {
    if (service[limit] === undefined) continue;
    review.warning([...path, limit], "never reached: onePacket keeps no connections");
  }
}

/** They look at active connections alone, and a flow of UDP is never one. */
const BLIND_TO_UDP = ["sed", "nq", "ovf"];

function checkBlindness(review: Review, name: string, service: Service): void {
  const { backend } = service;
  const protocols = protocolsOf(service);
  const balance = review.model.backends.get(backend)?.balance.name ?? "";
  if (protocols.length !== 1 || protocols[0] !== "udp" || !BLIND_TO_UDP.includes(balance)) return;
  const message = `${balance} of backend ${backend} sees no flow of UDP: one server gets all`;
  review.warning(["services", name, "backend"], message, {
    expected: "balance leastconn, wlc or lc, which count them",
  });
}

/** The client's address goes where servers see another, in a header that has room for it. */
function checkClient(review: Review, name: string, service: Service, ways: readonly Way[]): void {
  const path: Path = ["services", name];
  const { services } = review.model;
  const hides = ways.some(({ method }) => method === "fullnat");
  if (!service.passClient) {
    const other = [...services].find(
      ([, { passClient, backend }]) => passClient && backend === service.backend,
    );
    if (!hides || !other) return;
    const message = `its clients could say to backend ${service.backend} that they are others, for service ${other[0]} passes clients to it`;
    review.error(path, message, { expected: "passClient: true in both" });
    return;
  }
  const at = [...path, "passClient"];
  if (!hides) {
    const message = `method ${methodsIn(ways)} hides no client from servers`;
    review.error(at, message, { expected: "method fullnat" });
    return;
  }
  const protocols = protocolsOf(service);
  if (protocols.length === 1 && protocols[0] === "tcp") return;
  const which = review.isWritten([...path, "protocol"]) ? "protocol" : "passClient";
  review.error([...path, which], `passClient is of TCP alone, not of ${protocols.join(", ")}`, {
    expected: "protocol tcp",
  });
}

/** Calls are of UDP; and only calls are one whoever speaks. */
function checkPersistence(review: Review, service: Service, path: Path): void {
  const { persistence } = service;
  if (!persistence) return;
  const at = [...path, "persistence"];
  if (persistence.by === "address") {
    for (const mask of ["mask", "mask6"] as const) {
      if (persistence[mask] !== 0) continue;
      review.error([...at, mask], "all clients would be one, and one server would serve them", {
        expected: "at least 1, or `by: call-id`",
      });
    }
    return;
  }
  const protocols = protocolsOf(service);
  if (protocols.length === 1 && protocols[0] === "udp") return;
  const message = `Call-IDs are looked for in UDP alone, not in ${protocols.join(", ")}`;
  const where = review.isWritten([...path, "protocol"]) ? [...path, "protocol"] : [...at, "by"];
  review.error(where, message, { expected: "protocol udp" });
}

/** The director speaks for the service: all packets have to come this way, both ways. */
function checkSynProxy(review: Review, name: string, service: Service, ways: readonly Way[]): void {
  const { synProxy, onNoServer } = service;
  if (synProxy === "off") return;
  const path: Path = ["services", name];
  const at = [...path, "synProxy"];
  for (const { method, at: own, server } of ways) {
    if (method === "nat" || method === "fullnat") continue;
    const message = `with method ${method} answers of servers go past the director`;
    const why = server === undefined ? "" : `, and service ${name} has synProxy`;
    review.error(server === undefined ? at : own, message + why, {
      expected: "method nat or fullnat",
    });
  }
  const protocols = protocolsOf(service);
  if (protocols.length !== 1 || protocols[0] !== "tcp") {
    const where = review.isWritten([...path, "protocol"]) ? "protocol" : "synProxy";
    review.error([...path, where], `synProxy is of TCP alone, not of ${protocols.join(", ")}`, {
      expected: "protocol tcp",
    });
  }
  if (onNoServer === "bypass") {
    const message = "a client that has returned its cookie cannot begin anew elsewhere";
    review.error([...path, "onNoServer"], message, { expected: "reject or drop" });
  }
  if (service.passClient) {
    const message = "servers could not be told who the client is: the director ends the handshake";
    review.error(at, message, { expected: "either synProxy, or passClient" });
  }
  const { newFlows, dropPacket } = review.model.director;
  if (synProxy === "auto" && newFlows === 0 && dropPacket === "off") {
    review.warning(at, "never used: director.newFlows is 0, so every new flow is tracked");
  }
}
