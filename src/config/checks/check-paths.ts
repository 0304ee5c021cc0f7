import { nearest } from "#base/nearest.ts";
import { markFamilyOf } from "../compile/director.ts";
import type { Backend } from "../model/backend.ts";
import type { Service } from "../model/service.ts";
import type { Path, Review } from "../review.ts";
import { type Method, methodsIn, methodTo, waysOf } from "../service-ways.ts";

/** Checks that send packets of their own, of kinds that get the service's address on the way. */
const SENDING = ["tcp", "http", "udp", "dns", "icmp", "agent"];

/** Packets find the service's address on the server, and so can its check. */
const isProbed = (method: Method): boolean => method === "dr" || method === "tun";

/** A check that takes the way of a service's packets has a service that has such a way. */
export function checkPaths(review: Review): void {
  for (const [name, backend] of review.model.backends) {
    const { via, vip } = backend.check?.beside ?? {};
    const check: Path = ["backends", name, "check"];
    if (via === undefined) {
      if (vip !== undefined) review.error([...check, "vip"], "it says where `via` leads to");
      continue;
    }
    const path: Path = [...check, "via"];
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
  const ways = waysOf(review, via, service);
  const { name: kind, options } = backend.check!;
  if (!SENDING.includes(kind)) {
    const message = `a check of type ${kind} sends nothing itself that could take the way of packets`;
    review.error(path, message, { expected: `type ${SENDING.join(", ")}` });
  } else if (service.backend !== name) {
    review.error(path, `service ${via} has backend ${service.backend}, not this one`);
  } else if (!ways.some(({ method }) => isProbed(method))) {
    const message = `method ${methodsIn(ways)} of service ${via} sends packets to the server's own address, as checks go anyway`;
    review.error(path, message, { expected: "a service of method dr or tun" });
  } else {
    checkVip(review, taken, path);
    checkSize(review, options, path);
    checkAddresses(review, taken, path);
  }
}

/** It is one of the service's, or there is none that it could be. */
function checkVip(review: Review, { backend, via, service }: Taken, path: Path): void {
  const { vip } = backend.check!.beside;
  const at: Path = [...path.slice(0, -1), "vip"];
  if (service.bind) {
    const hosts = [...new Set(service.bind.map(({ host }) => host))];
    if (vip === undefined || hosts.includes(vip)) return;
    const expected = `one of ${hosts.join(", ")}`;
    review.error(at, `service ${via} has not that address`, { expected, found: vip });
  } else if (vip === undefined) {
    review.error(path, `service ${via} has a mark and no address that a check could go to`, {
      expected: "the address beside it: `vip`",
    });
  } else if (vip.includes(":") !== (markFamilyOf(service) === 6)) {
    const expected = `IPv${markFamilyOf(service)}, as service ${via}`;
    review.error(at, `no packet of service ${via} goes there`, { expected, found: vip });
  }
}

/** Larger ones would be cut up, which the way does not take. */
const MOST_ECHOED = 1000;

function checkSize(review: Review, options: unknown, path: Path): void {
  const { size = 0 } = options as { readonly size?: number };
  if (size <= MOST_ECHOED) return;
  review.error([...path.slice(0, -1), "size"], "too large for the way of packets", {
    expected: `at most ${MOST_ECHOED}`,
  });
}

/** Of servers whose checks take that way: others are asked at their own address. */
function checkAddresses(review: Review, { backend, service }: Taken, path: Path): void {
  for (const [key, server] of backend.servers) {
    if (server.check?.address === undefined || !isProbed(methodTo(service, server))) continue;
    const at: Path = [...path.slice(0, 2), "servers", key, "check", "address"];
    review.error(at, "the way of packets leads to the server's own address only");
  }
}
