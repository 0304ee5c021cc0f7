import { isMapped } from "#base/ip.ts";
import type { Netlink } from "#io/netlink.ts";
import { describeInterface, type FoundRoute, findRoutes } from "#io/routes.ts";
import { routeRow } from "./rows.ts";
import { textOf } from "./text-key.ts";

/** Before RFC 8200's smallest MTU nothing is believed. */
const LEAST_MTU = 576;

const isSame = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === b || (a !== undefined && b !== undefined && textOf(a) === textOf(b));

interface Known {
  readonly address: Uint8Array;
  /** A row of `routes`. */
  route: Uint8Array | undefined;
  /** Somebody has asked for it. */
  isUsed: boolean;
}

/**
 * The ways to servers, as the routing table has them. Nobody tells of changes, so it is asked again
 * and again, for some at a time.
 */
export class RouteCache {
  readonly #netlink: Netlink;
  readonly #known = new Map<string, Known>();
  readonly #mtus = new Map<number, number>();
  #turn: MapIterator<Known> | undefined;

  constructor(netlink: Netlink) {
    this.#netlink = netlink;
  }

  /** Asks for the ways to addresses that are not known. */
  learn(addresses: Iterable<Uint8Array>): void {
    const fresh = new Map<string, Uint8Array>();
    for (const address of addresses) {
      const key = textOf(address);
      if (!this.#known.has(key)) fresh.set(key, address);
    }
    const routes = this.#ask([...fresh.values()]);
    for (const [i, [key, address]] of [...fresh].entries()) {
      this.#known.set(key, { address, route: routes[i], isUsed: true });
    }
  }

  /** The way to an address that was learnt, as a row of `routes`; undefined when there is none. */
  find(address: Uint8Array): Uint8Array | undefined {
    const known = this.#known.get(textOf(address))!;
    known.isUsed = true;
    return known.route;
  }

  /** Forgets what nobody has asked for since the last time. */
  settle(): void {
    for (const [key, known] of this.#known) {
      if (known.isUsed) known.isUsed = false;
      else this.#known.delete(key);
    }
  }

  /** Asks again for so many addresses, in turn. True when a way is another now. */
  refreshSome(count: number): boolean {
    if (!this.#turn) this.#mtus.clear();
    this.#turn ??= this.#known.values();
    const some = this.#turn.take(count).toArray();
    if (some.length < count) this.#turn = undefined;
    const routes = this.#ask(some.map(({ address }) => address));
    let changed = false;
    for (const [i, known] of some.entries()) {
      if (!isSame(routes[i], known.route)) changed = true;
      known.route = routes[i];
    }
    return changed;
  }

  /** Rows of `routes`. */
  #ask(addresses: readonly Uint8Array[]): (Uint8Array | undefined)[] {
    return findRoutes(this.#netlink, addresses).map((found) => found && this.#rowOf(found));
  }

  #rowOf(found: FoundRoute): Uint8Array {
    const { nextHop, source, local } = found;
    const mtu = found.mtu ?? this.#mtuOf(found.interface);
    const family = isMapped(nextHop) ? 4 : 6;
    return routeRow({
      nextHop,
      source,
      interface: found.interface,
      mtu: Math.max(LEAST_MTU, mtu),
      family,
      local,
    });
  }

  #mtuOf(index: number): number {
    let mtu = this.#mtus.get(index);
    if (mtu === undefined) {
      mtu = describeInterface(this.#netlink, index).mtu;
      this.#mtus.set(index, mtu);
    }
    return mtu;
  }
}
