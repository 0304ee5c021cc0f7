import { formatIp, parseIp } from "#base/ip.ts";
import { nearest } from "#base/nearest.ts";
import { protocolsOf } from "../compile/director.ts";
import type { Backend } from "../model/backend.ts";
import type { Service } from "../model/service.ts";
import type { Path, Review } from "../review.ts";
import { type Method, methodsIn, methodTo, waysOf } from "../service-ways.ts";

/** Checks that make connections: others have no way of their own. */
const CONNECTING = ["tcp", "http"];

/** Packets find the service's address on the server, and so can its check. */
const isProbed = (method: Method): boolean => method === "dr" || method === "tun";

/** A check that takes the way of a service's packets has a service that has such a way. */
export function checkPaths(review: Review): void {
  for (const [name, backend] of review.model.backends) {
    const via = backend.check?.beside.via;
    if (via === undefined) continue;
    const path: Path = ["backends", name, "check", "via"];
    const service = review.model.services.get(via);
    if (service) checkPath(review, { name, backend, via, service }, path);
    else checkName(review, via, path);
  }
}

interface Taken {
  readonly name: string;
  readonly backend: Backend;
  readonly via: string;
  readonly service: Service;
}

function checkName(review: Review, via: string, path: Path): void {
  const known = review.namesIn("services");
  if (known.includes(via)) return;
  const near = nearest(via, known);
  review.error(path, `there is no service "${via}"`, {
    expected: known.length > 0 ? `one of ${known.join(", ")}` : "a service; there are none",
    found: via,
    ...(near === undefined ? {} : { nearest: near }),
  });
}

function checkPath(review: Review, taken: Taken, path: Path): void {
  const { name, backend, via, service } = taken;
  const { bind } = service;
  const ways = waysOf(review, via, service);
  const kind = backend.check!.name;
  if (!CONNECTING.includes(kind)) {
    const message = `a check of type ${kind} makes no connection that could take the way of packets`;
    review.error(path, message, { expected: `type ${CONNECTING.join(" or ")}` });
  } else if (service.backend !== name) {
    review.error(path, `service ${via} has backend ${service.backend}, not this one`);
  } else if (!ways.some(({ method }) => isProbed(method))) {
    const message = `method ${methodsIn(ways)} of service ${via} sends packets to the server's own address, as checks go anyway`;
    review.error(path, message, { expected: "a service of method dr or tun" });
  } else if (bind === undefined) {
    review.error(path, `service ${via} has a mark and no address that a check could go to`);
  } else if (!protocolsOf(service).includes("tcp")) {
    review.error(path, `service ${via} is not of TCP, which checks are`);
  } else checkAddresses(review, taken, bind[0]!.host, path);
}

const isV6 = (host: string): boolean => formatIp(parseIp(host)!).includes(":");

/** Of servers whose checks take that way: others are asked at their own address. */
function checkAddresses(review: Review, taken: Taken, vip: string, path: Path): void {
  for (const [key, server] of taken.backend.servers) {
    const { address, check } = server;
    if (!isProbed(methodTo(taken.service, server))) continue;
    if (check?.address !== undefined) {
      const at: Path = [...path.slice(0, 2), "servers", key, "check", "address"];
      review.error(at, "the way of packets leads to the server's own address only");
    }
    if (address.kind === "inet" && isV6(address.host) !== isV6(vip)) {
      const families = isV6(vip) ? "IPv6 to an IPv4 server" : "IPv4 to an IPv6 server";
      review.error(path, `server ${key}: a check cannot go by a tunnel of ${families}`);
    }
  }
}
