import { formatAddress } from "#base/address.ts";
import { formatIp, parseIp } from "#base/ip.ts";
import { markFamilyOf, protocolsOf } from "../compile/director.ts";
import type { Service } from "../model/service.ts";
import { formatServiceAddress } from "../model/service-address.ts";
import { PortRanges } from "../port-ranges.ts";
import type { Path, Review } from "../review.ts";
import { waysOf } from "../service-ways.ts";

/** Who has ports of an address: a service, and as what it wrote them. */
interface Claim {
  readonly service: string;
  readonly text: string;
}

/** No packet is for two services, nor for a service and a frontend. */
export function checkServiceBinds(review: Review): void {
  const taken = new Map<string, PortRanges<Claim>>();
  const marks = new Map<string, string>();
  for (const [name, service] of review.model.services) {
    claimPorts(review, name, service, taken);
    if (service.mark !== undefined) claimMark(review, name, service, marks);
  }
  checkFrontends(review, taken);
}

const keyOf = (protocol: string, host: string): string => `${protocol} ${host}`;

function claimPorts(
  review: Review,
  name: string,
  service: Service,
  taken: Map<string, PortRanges<Claim>>,
): void {
  const whole: Path = ["services", name, "bind"];
  service.bind?.forEach((bind, i) => {
    const text = formatServiceAddress(bind);
    const clashes = protocolsOf(service).flatMap((protocol) => {
      const key = keyOf(protocol, bind.host);
      const ranges = taken.get(key) ?? new PortRanges<Claim>();
      taken.set(key, ranges);
      return ranges.claim(bind.firstPort, bind.lastPort, { service: name, text }) ?? [];
    });
    const [clash] = clashes;
    if (!clash) return;
    const path = review.at(whole).kind === "list" ? [...whole, i] : whole;
    const what = `${text} is taken by service ${clash.service}`;
    review.error(path, clash.text === text ? what : `${what}, which has ${clash.text}`);
  });
}

function claimMark(
  review: Review,
  name: string,
  service: Service,
  marks: Map<string, string>,
): void {
  const family = markFamilyOf(service);
  const keys = protocolsOf(service).map((protocol) => `${protocol} ${family} ${service.mark}`);
  const first = keys.map((key) => marks.get(key)).find((owner) => owner !== undefined);
  for (const key of keys) if (!marks.has(key)) marks.set(key, name);
  if (first === undefined) return;
  const message = `mark ${service.mark} of IPv${family} is taken by service ${first}`;
  review.error(["services", name, "mark"], message);
}

/** The director sees packets before sockets do. */
function checkFrontends(review: Review, taken: ReadonlyMap<string, PortRanges<Claim>>): void {
  const isPassedOn = ({ service }: Claim): boolean =>
    waysOf(review, service, review.model.services.get(service)!).some(
      ({ method }) => method === "local",
    );
  for (const [name, { bind }] of review.model.frontends) {
    bind.forEach(({ address }, i) => {
      if (address.kind !== "inet") return;
      const host = formatIp(parseIp(address.host)!);
      const ports = taken.get(keyOf("tcp", host));
      const clash = ports?.owner(address.port);
      if (!clash || isPassedOn(clash)) return;
      const whole: Path = ["frontends", name, "bind"];
      const path = review.at(whole).kind === "list" ? [...whole, i] : whole;
      const message = `nobody comes to ${formatAddress(address)}: service ${clash.service} takes it`;
      review.warning(path, message);
    });
  }
}
