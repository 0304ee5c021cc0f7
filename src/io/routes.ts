import { formatIp, isMapped } from "#base/ip.ts";
import { mapped } from "./addresses.ts";
import { ERRNO, systemError } from "./errno-names.ts";
import { attributesOf, type Netlink } from "./netlink.ts";

/*
 * Where the kernel would send a packet (rtnetlink(7)): the routing table's answer, and what an
 * interface is like.
 */

const RTM_GETLINK = 18;
const RTM_GETROUTE = 26;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTA_PREFSRC = 7;
const RTA_METRICS = 8;
const RTA_VIA = 18;
const RTAX_MTU = 2;
const RTN_LOCAL = 2;
const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const ARPHRD_ETHER = 1;
const IFF_UP = 1;

/** The way to an address. Addresses are 16 bytes, IPv4 mapped. */
export interface FoundRoute {
  /** Index of the interface it leaves by. */
  readonly interface: number;
  /** The address itself where it is on the link. */
  readonly nextHop: Uint8Array;
  /** Ours, that packets would come from; all zero where the kernel names none. */
  readonly source: Uint8Array;
  /** Of the route, where it has one of its own. */
  readonly mtu: number | undefined;
  /** It is this machine's. */
  readonly local: boolean;
}

export interface FoundInterface {
  readonly name: string;
  /** Of one that is no hardware: `veth`, `bond`, …; else empty. */
  readonly kind: string;
  /** Its hardware address: of Ethernet 6 bytes. */
  readonly hardware: Uint8Array;
  readonly mtu: number;
  readonly isUp: boolean;
  /** Frames have Ethernet's header. */
  readonly isEthernet: boolean;
}

const NO_ADDRESS = new Uint8Array(16);

/** The route to an address, or undefined when there is none. Throws a SystemError. */
export const findRoute = (netlink: Netlink, address: Uint8Array): FoundRoute | undefined =>
  findRoutes(netlink, [address])[0];

/** The same for many addresses, in their order. */
export function findRoutes(
  netlink: Netlink,
  addresses: readonly Uint8Array[],
): (FoundRoute | undefined)[] {
  const answers = netlink.ask("routes", RTM_GETROUTE, addresses.map(question));
  return answers.map((answer, i) => {
    if (typeof answer !== "number") return readRoute(answer, addresses[i]!);
    if (answer === -ERRNO.ENETUNREACH || answer === -ERRNO.EHOSTUNREACH) return undefined;
    throw systemError(`route to ${formatIp(addresses[i]!)}`, answer);
  });
}

/** What a route is asked for with: struct rtmsg and one attribute. */
function question(address: Uint8Array): Uint8Array {
  const v4 = isMapped(address);
  const bytes = v4 ? address.subarray(12) : address;
  const body = new Uint8Array(12 + 4 + bytes.length);
  body[0] = v4 ? AF_INET : AF_INET6;
  body[1] = 8 * bytes.length;
  const view = new DataView(body.buffer);
  view.setUint16(12, 4 + bytes.length, true);
  view.setUint16(14, RTA_DST, true);
  body.set(bytes, 16);
  return body;
}

function readRoute(body: Uint8Array, address: Uint8Array): FoundRoute | undefined {
  const attributes = attributesOf(body.subarray(12));
  const oif = attributes.get(RTA_OIF);
  if (!oif) return undefined;
  const via = attributes.get(RTA_VIA);
  const gateway = attributes.get(RTA_GATEWAY) ?? via?.subarray(2);
  const source = attributes.get(RTA_PREFSRC);
  const metrics = attributes.get(RTA_METRICS);
  const mtu = metrics && attributesOf(metrics).get(RTAX_MTU);
  return {
    interface: u32(oif),
    nextHop: gateway ? mapped(gateway) : address,
    source: source ? mapped(source) : NO_ADDRESS,
    mtu: mtu && u32(mtu),
    local: body[7] === RTN_LOCAL,
  };
}

/** What an interface is like. Throws a SystemError when there is none of that index. */
export function describeInterface(netlink: Netlink, index: number): FoundInterface {
  const body = new Uint8Array(16);
  new DataView(body.buffer).setInt32(4, index, true);
  const [answer] = netlink.request(`interface ${index}`, RTM_GETLINK, 0, body);
  const bytes = answer!.body;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const attributes = attributesOf(bytes.subarray(16));
  const mtu = attributes.get(IFLA_MTU);
  const info = attributes.get(IFLA_LINKINFO);
  return {
    name: textOf(attributes.get(IFLA_IFNAME)),
    kind: info ? textOf(attributesOf(info).get(IFLA_INFO_KIND)) : "",
    hardware: attributes.get(IFLA_ADDRESS) ?? new Uint8Array(0),
    mtu: mtu ? u32(mtu) : 1500,
    isUp: (view.getUint32(8, true) & IFF_UP) !== 0,
    isEthernet: view.getUint16(2, true) === ARPHRD_ETHER,
  };
}

const textOf = (bytes: Uint8Array | undefined): string =>
  new TextDecoder().decode(bytes).replace(/\0$/, "");

const u32 = (bytes: Uint8Array): number =>
  new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
