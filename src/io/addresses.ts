import { formatIp, isMapped } from "#base/ip.ts";
import { ERRNO, type SystemError } from "./errno-names.ts";
import { attributesOf, type Netlink, NetlinkBody, NLM } from "./netlink.ts";

/*
 * Addresses of network interfaces (rtnetlink(7)). All are 16 bytes, IPv4 mapped.
 */

const RTM_NEWADDR = 20;
const RTM_DELADDR = 21;
const RTM_GETADDR = 22;
const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 2;
const AF_INET = 2;
const AF_INET6 = 10;
const FOR_EVER = 0xffff_ffff;
const MESSAGE_BYTES = 8;

export interface InterfaceAddress {
  readonly address: Uint8Array;
  readonly prefix: number;
  /** Index of its interface. */
  readonly interface: number;
}

/** 16 bytes for an address of either family. */
export function mapped(bytes: Uint8Array): Uint8Array {
  if (bytes.length === 16) return bytes.slice();
  const out = new Uint8Array(16);
  out.set([255, 255, ...bytes], 10);
  return out;
}

/** Every address of every interface. Throws a SystemError. */
export function listAddresses(netlink: Netlink): InterfaceAddress[] {
  const body = new Uint8Array(MESSAGE_BYTES);
  return netlink
    .request("list addresses", RTM_GETADDR, NLM.DUMP, body)
    .filter(({ type, body }) => type === RTM_NEWADDR && [AF_INET, AF_INET6].includes(body[0]!))
    .map(({ body }) => {
      const attributes = attributesOf(body.subarray(MESSAGE_BYTES));
      // Of a point-to-point interface the address is the other end's.
      const bytes = attributes.get(IFA_LOCAL) ?? attributes.get(IFA_ADDRESS)!;
      const view = new DataView(body.buffer, body.byteOffset, MESSAGE_BYTES);
      return { address: mapped(bytes), prefix: body[1]!, interface: view.getUint32(4, true) };
    });
}

function message(address: Uint8Array, ifindex: number): NetlinkBody {
  const v4 = isMapped(address);
  const head = new Uint8Array(MESSAGE_BYTES);
  head[0] = v4 ? AF_INET : AF_INET6;
  head[1] = v4 ? 32 : 128;
  new DataView(head.buffer).setUint32(4, ifindex, true);
  const bytes = v4 ? address.subarray(12) : address;
  return new NetlinkBody().raw(head).attribute(IFA_LOCAL, bytes).attribute(IFA_ADDRESS, bytes);
}

/**
 * Gives an interface an address for itself alone (/32, /128). IPv6 is not looked for on the link
 * first, and is never what packets of our own come from. False when the interface has it already.
 * Throws a SystemError.
 */
export function addHostAddress(netlink: Netlink, address: Uint8Array, ifindex: number): boolean {
  const body = message(address, ifindex);
  if (!isMapped(address)) {
    const lifetimes = Uint32Array.of(0, FOR_EVER, 0, 0);
    body.u32(IFA_FLAGS, IFA_F_NODAD).attribute(IFA_CACHEINFO, new Uint8Array(lifetimes.buffer));
  }
  try {
    const flags = NLM.CREATE | NLM.EXCL;
    netlink.request(`add ${formatIp(address)}`, RTM_NEWADDR, flags, body.bytes);
    return true;
  } catch (error) {
    if ((error as SystemError).errno === ERRNO.EEXIST) return false;
    throw error;
  }
}

/** Takes it away again; false when it was not there. Throws a SystemError. */
export function deleteHostAddress(netlink: Netlink, address: Uint8Array, ifindex: number): boolean {
  try {
    const body = message(address, ifindex).bytes;
    netlink.request(`delete ${formatIp(address)}`, RTM_DELADDR, 0, body);
    return true;
  } catch (error) {
    const { errno } = error as SystemError;
    if (errno === ERRNO.EADDRNOTAVAIL || errno === ERRNO.ENODEV) return false;
    throw error;
  }
}
