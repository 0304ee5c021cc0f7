import { formatIp, isMapped } from "#base/ip.ts";
import { mapped } from "./addresses.ts";
import { attributesOf, type Netlink, NetlinkBody, NLM } from "./netlink.ts";

/*
 * Neighbours on the link, as ARP and neighbour discovery have found them (rtnetlink(7)).
 */

const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const NDA_DST = 1;
const NDA_LLADDR = 2;
const NTF_USE = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const MESSAGE_BYTES = 12;
/** Of Ethernet. */
const HARDWARE_BYTES = 6;

/** States in which packets go to the neighbour. */
const NUD_STALE = 4;
const NUD_VALID = 2 | NUD_STALE | 8 | 0x10 | 0x40 | 0x80;

export interface Neighbour {
  /** Index of the interface. */
  readonly interface: number;
  /** 16 bytes, IPv4 mapped. */
  readonly address: Uint8Array;
  /** 6 bytes. */
  readonly hardware: Uint8Array;
  /** It was not heard of lately: who uses it should ask. */
  readonly isStale: boolean;
}

/** Neighbours whose hardware addresses are known, of all interfaces. Throws a SystemError. */
export function listNeighbours(netlink: Netlink): Neighbour[] {
  const body = new Uint8Array(MESSAGE_BYTES);
  return netlink
    .request("list neighbours", RTM_GETNEIGH, NLM.DUMP, body)
    .filter(({ type }) => type === RTM_NEWNEIGH)
    .flatMap(({ body }) => {
      const view = new DataView(body.buffer, body.byteOffset, MESSAGE_BYTES);
      const attributes = attributesOf(body.subarray(MESSAGE_BYTES));
      const address = attributes.get(NDA_DST);
      const hardware = attributes.get(NDA_LLADDR);
      const state = view.getUint16(8, true);
      if (!address || hardware?.length !== HARDWARE_BYTES || (state & NUD_VALID) === 0) return [];
      return {
        interface: view.getInt32(4, true),
        address: mapped(address),
        hardware,
        isStale: (state & NUD_STALE) !== 0,
      };
    });
}

/**
 * Says that a neighbour is used, as a packet to it would: the kernel asks who has the address if it
 * does not know, or has not heard lately. Throws a SystemError.
 */
export function useNeighbour(netlink: Netlink, address: Uint8Array, ifindex: number): void {
  const head = new Uint8Array(MESSAGE_BYTES);
  head[0] = isMapped(address) ? AF_INET : AF_INET6;
  new DataView(head.buffer).setInt32(4, ifindex, true);
  head[10] = NTF_USE;
  const bytes = isMapped(address) ? address.subarray(12) : address;
  const body = new NetlinkBody().raw(head).attribute(NDA_DST, bytes);
  netlink.request(`use ${formatIp(address)}`, RTM_NEWNEIGH, NLM.CREATE, body.bytes);
}
