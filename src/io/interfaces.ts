import { attributesOf, type Netlink, NLM } from "./netlink.ts";

/*
 * The network interfaces of this thread's namespace (rtnetlink(7)).
 */

const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const IFLA_GRO_MAX_SIZE = 58;
const IFLA_GRO_IPV4_MAX_SIZE = 64;
const ARPHRD_ETHER = 1;
const IFF_UP = 1;
const IFF_LOOPBACK = 8;
const IFF_NOARP = 0x80;
const MESSAGE_BYTES = 16;

export interface ListedInterface {
  readonly name: string;
  readonly index: number;
  readonly mtu: number;
  readonly isUp: boolean;
  /** Frames have Ethernet's header. */
  readonly isEthernet: boolean;
  readonly isLoopback: boolean;
  /** It answers who has an address. */
  readonly hasArp: boolean;
  /** Of one that is no hardware: `veth`, `vlan`, …; else empty. */
  readonly kind: string;
  /** Most bytes that received packets are merged into; 0 where the kernel does not say. */
  readonly mergedBytes: number;
}

/** Every interface, by index. Throws a SystemError. */
export function listInterfaces(netlink: Netlink): ListedInterface[] {
  return netlink
    .request("list interfaces", RTM_GETLINK, NLM.DUMP, new Uint8Array(MESSAGE_BYTES))
    .filter(({ type }) => type === RTM_NEWLINK)
    .map(({ body }) => read(body))
    .sort((a, b) => a.index - b.index);
}

function read(body: Uint8Array): ListedInterface {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const attributes = attributesOf(body.subarray(MESSAGE_BYTES));
  const number = (type: number): number => {
    const bytes = attributes.get(type);
    return bytes ? new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true) : 0;
  };
  const text = (bytes: Uint8Array | undefined): string =>
    new TextDecoder().decode(bytes).replace(/\0$/, "");
  const info = attributes.get(IFLA_LINKINFO);
  const flags = view.getUint32(8, true);
  const isEthernet = view.getUint16(2, true) === ARPHRD_ETHER;
  return {
    name: text(attributes.get(IFLA_IFNAME)),
    index: view.getInt32(4, true),
    mtu: number(IFLA_MTU),
    isUp: (flags & IFF_UP) !== 0,
    isEthernet,
    isLoopback: (flags & IFF_LOOPBACK) !== 0,
    hasArp: isEthernet && (flags & IFF_NOARP) === 0,
    kind: info ? text(attributesOf(info).get(IFLA_INFO_KIND)) : "",
    mergedBytes: Math.max(number(IFLA_GRO_MAX_SIZE), number(IFLA_GRO_IPV4_MAX_SIZE)),
  };
}
