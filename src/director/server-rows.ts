import type { Netlink } from "#io/netlink.ts";
import { DESTINATION, ROUTE } from "#plan/director-layout.ts";
import { DESTINATION_FLAG } from "#plan/director-numbers.ts";
import type { ServicePlan } from "#plan/plan.ts";
import type { Allotment } from "./allotment.ts";
import { composeDestination, placeIn, type ServerPlace } from "./compose.ts";
import type { Kernel } from "./kernel.ts";
import type { PlacedServer } from "./roster.ts";
import { RouteCache } from "./route-cache.ts";
import type { RowTable } from "./row-table.ts";
import { rowKey } from "./rows.ts";

const NO_ROUTE = new Uint8Array(ROUTE.BYTES);

/**
 * Rows of servers, one in `destinations` and the way there, of the same number, in `routes`. The
 * kernel has what is written after `flush` or `flushRetired`.
 */
export class ServerRows {
  readonly #maps: Kernel["maps"];
  readonly #allotment: Allotment;
  readonly #destinations: RowTable;
  readonly #routes: RowTable;
  readonly #ways: RouteCache;

  constructor(
    maps: Kernel["maps"],
    netlink: Netlink,
    allotment: Allotment,
    rows: { readonly destinations: RowTable; readonly routes: RowTable },
  ) {
    this.#maps = maps;
    this.#allotment = allotment;
    this.#destinations = rows.destinations;
    this.#routes = rows.routes;
    this.#ways = new RouteCache(netlink);
  }

  /** Who the server is, and the way to it, which was learnt. `endsWhenDown`: composeDestination. */
  write({ row, facts }: PlacedServer, service: ServicePlan, endsWhenDown: boolean): void {
    const owner = this.#allotment.owner(row);
    const isSame = owner.identity === facts.identity && owner.service === service.slot;
    // A row that was never anybody's has counted nothing.
    if (!isSame && owner.identity !== 0) this.#clearCounts(row);
    this.writeRoute(row, facts);
    const generation = isSame ? owner.generation : (owner.generation + 1) >>> 0;
    this.#destinations.set(row, composeDestination(service, facts, generation, endsWhenDown));
  }

  /** The row is somebody else's from now on: what was counted in it was not theirs. */
  #clearCounts(row: number): void {
    const { loads, statistics, destinations } = this.#maps;
    loads.update(rowKey(row), new Uint8Array(loads.valueBytes));
    const zero = new Uint8Array(statistics.valueBytes);
    for (let at = row; at < statistics.maxEntries; at += destinations.maxEntries) {
      statistics.update(rowKey(at), zero);
    }
  }

  /** Asks for the ways to servers that are not known. */
  learn(places: readonly Pick<ServerPlace, "address">[]): void {
    this.#ways.learn(places.flatMap(({ address }) => address ?? []));
  }

  /** The way to a place that was learnt. */
  writeRoute(row: number, { address }: Pick<ServerPlace, "address">): void {
    this.#routes.set(row, (address && this.#ways.find(address)) ?? NO_ROUTE);
  }

  /** Asks again for so many ways, in turn. True when one is another now. */
  refreshRoutes(count: number): boolean {
    return this.#ways.refreshSome(count);
  }

  /** Forgets ways that nobody has asked for since the last time. */
  settleRoutes(): void {
    this.#ways.settle();
  }

  /** The server takes nothing new; if `isKept`, what it has goes on. */
  retire(row: number, isKept: boolean): void {
    const value = this.#destinations.get(row);
    if (isKept) value[DESTINATION.FLAGS]! |= DESTINATION_FLAG.LEAVING;
    else {
      value[DESTINATION.FLAGS] = 0;
      this.#routes.set(row, NO_ROUTE);
    }
    new DataView(value.buffer).setInt32(DESTINATION.WEIGHT, 0, true);
    this.#destinations.set(row, value);
  }

  /** The server has nothing any more, and nobody needs to know where it was. */
  forget(row: number): void {
    this.retire(row, false);
    const value = this.#destinations.get(row);
    const { ADDRESS } = DESTINATION;
    this.#destinations.set(row, value.fill(0, ADDRESS, ADDRESS + 16));
  }

  /** For what is there: the ways first. */
  flush(): void {
    this.#routes.flush();
    this.#destinations.flush();
  }

  /** For what has gone: the ways last. */
  flushRetired(): void {
    this.#destinations.flush();
    this.#routes.flush();
  }

  /** Rows that are a server's, or are kept. */
  *inUse(): Generator<number> {
    for (let row = 0; row < this.#destinations.rows; row++) {
      if (this.#destinations.u8(row, DESTINATION.FLAGS) !== 0) yield row;
    }
  }

  /** A copy of a row of `destinations`; undefined where there is no such row. */
  get(row: number): Uint8Array | undefined {
    return row < this.#destinations.rows ? this.#destinations.get(row) : undefined;
  }

  /** Where the server of a row is, or was. */
  placeOf(row: number): ServerPlace {
    return placeIn(this.#destinations.get(row));
  }

  /** Index of the interface towards it; 0 = there is no way. */
  interfaceOf(row: number): number {
    return this.#routes.u32(row, ROUTE.INTERFACE);
  }

  /** It is on this machine. */
  isLocal(row: number): boolean {
    return this.#routes.u8(row, ROUTE.LOCAL) !== 0;
  }
}
