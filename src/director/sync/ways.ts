import { isMapped } from "#base/ip.ts";
import { listInterfaces } from "#io/interfaces.ts";
import type { Netlink } from "#io/netlink.ts";
import { findRoute } from "#io/routes.ts";
import { textOf } from "../text-key.ts";

/** Neighbourhoods that are known at once. */
const KEPT = 4096;
/** How long an answer of the routing table is believed. */
const BELIEVED_MS = 10_000;

/** Bytes of an address, 16 of them, that clients next to each other have in common: /24, /64. */
const sharedBytes = (address: Uint8Array): number => (isMapped(address) ? 15 : 8);

/**
 * By which interface clients' packets will come: where the routing table would send answers to.
 * It is asked once for a neighbourhood of clients, for the first packet of each puts it right.
 */
export class ClientWays {
  readonly #netlink: Netlink;
  readonly #known = new Map<string, number>();
  #sinceMs = 0;

  constructor(netlink: Netlink) {
    this.#netlink = netlink;
  }

  /**
   * Index of an interface, by preference not of those that are not among `taking`; 0 where there is
   * none at all.
   */
  find(client: Uint8Array, taking: readonly string[], nowMs: number): number {
    if (nowMs - this.#sinceMs > BELIEVED_MS || this.#known.size >= KEPT) {
      this.#known.clear();
      this.#sinceMs = nowMs;
    }
    const key = textOf(client.subarray(0, sharedBytes(client)));
    let index = this.#known.get(key);
    if (index === undefined) {
      index = this.#ask(client, taking);
      this.#known.set(key, index);
    }
    return index;
  }

  #ask(client: Uint8Array, taking: readonly string[]): number {
    const route = findRoute(this.#netlink, client);
    if (route && !route.local) return route.interface;
    const all = listInterfaces(this.#netlink);
    return all.find(({ name }) => taking.includes(name))?.index ?? 0;
  }
}
