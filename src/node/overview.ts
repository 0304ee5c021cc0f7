import { formatIp } from "#base/ip.ts";
import { type InterfaceAddress, listAddresses } from "#io/addresses.ts";
import { type ListedInterface, listInterfaces } from "#io/interfaces.ts";
import type { Netlink } from "#io/netlink.ts";
import { type FoundRoute, findRoute } from "#io/routes.ts";

/** This machine's network as it is now. */
export interface Overview {
  readonly interfaces: readonly ListedInterface[];
  readonly addresses: readonly InterfaceAddress[];
}

export const lookAround = (netlink: Netlink): Overview => ({
  interfaces: listInterfaces(netlink),
  addresses: listAddresses(netlink),
});

/** Names of the interfaces that have an address. */
export const holdersOf = ({ interfaces, addresses }: Overview, address: string): string[] =>
  addresses
    .filter((one) => formatIp(one.address) === address)
    .map((one) => interfaces.find(({ index }) => index === one.interface)?.name ?? "?");

/** Interfaces that could tell others who has an address. */
export const answerers = ({ interfaces }: Overview): string[] =>
  interfaces.filter(({ hasArp }) => hasArp).map(({ name }) => name);

/** Addresses that a tunnel may end at: not of loopback, of the link alone, or of services. */
export const ownAddresses = ({ addresses }: Overview, vips: readonly string[]): string[] =>
  [...new Set(addresses.map(({ address }) => formatIp(address)))].filter(
    (text) => !vips.includes(text) && !/^(127\.|::1$|fe[89ab]|169\.254\.)/.test(text),
  );

/** Addresses that stand for all clients: no network has them (RFC 5737, RFC 3849). */
const ANY_CLIENT = { 4: "198.51.100.1", 6: "2001:db8:ffff::1" } as const;
export const anyClient = (v6: boolean): string => ANY_CLIENT[v6 ? 6 : 4];

/** The way to an address; undefined where there is none, also when a route says so. */
export function routeTo(netlink: Netlink, address: Uint8Array): FoundRoute | undefined {
  try {
    return findRoute(netlink, address);
  } catch {
    // Routes that forbid: blackhole, prohibit.
    return undefined;
  }
}
