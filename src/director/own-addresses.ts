import { sameBytes } from "#base/bytes.ts";
import { isMapped, parseIp } from "#base/ip.ts";
import { listAddresses } from "#io/addresses.ts";
import { listInterfaces } from "#io/interfaces.ts";
import type { Netlink } from "#io/netlink.ts";
import type { Plan } from "#plan/plan.ts";

export type Family = 4 | 6;

export const familyOf = (address: Uint8Array): Family => (isMapped(address) ? 4 : 6);

/** fe80::/10: good on one wire only. */
const isLinkLocal = (address: Uint8Array): boolean =>
  address[0] === 0xfe && (address[1]! & 0xc0) === 0x80;

/**
 * An address that this machine can be answered at, of a family: of `localAddresses`, else of the
 * director's interfaces in their order, and no service's. Undefined where there is none.
 */
export function findOwnAddress(
  netlink: Netlink,
  family: Family,
  { director, services }: Plan,
): Uint8Array | undefined {
  const there = listAddresses(netlink).filter(({ address }) => familyOf(address) === family);
  const taken = services.flatMap(({ binds }) => binds.map(({ host }) => parseIp(host)!));
  const isIn = (list: readonly Uint8Array[], address: Uint8Array): boolean =>
    list.some((one) => sameBytes(one, 0, 16, address));
  const locals = director!.localAddresses.map((host) => parseIp(host)!);
  const local = there.find(({ address }) => isIn(locals, address));
  if (local) return local.address;
  const indexes = new Map(listInterfaces(netlink).map(({ name, index }) => [name, index]));
  return director!.interfaces
    .flatMap((name) => there.filter((one) => one.interface === indexes.get(name)))
    .map(({ address }) => address)
    .find((address) => !isLinkLocal(address) && !isIn(taken, address));
}
