import type { BpfMap } from "#io/bpf/map.ts";
import { ERRNO, type SystemError } from "#io/errno-names.ts";
import { listNeighbours, type Neighbour, useNeighbour } from "#io/neighbours.ts";
import type { Netlink } from "#io/netlink.ts";
import { HOP, ROUTE } from "#plan/director-layout.ts";
import { RowTable } from "./row-table.ts";
import { hopRow } from "./rows.ts";
import { textOf } from "./text-key.ts";
import { Turns } from "./turns.ts";

/** Neighbours that are asked for at once. */
const ASKED_AT_ONCE = 64;
const NOTHING = new Uint8Array(HOP.BYTES);

/** An interface by which frames go out. */
export interface Exit {
  readonly device: string;
  readonly hardware: Uint8Array;
  /** Why none can. */
  readonly problem: string | undefined;
}

interface NextHop {
  readonly address: Uint8Array;
  readonly interface: number;
  /** Of `routes` and `hops`. */
  readonly rows: number[];
}

const keyOf = (index: number, address: Uint8Array): string => `${index} ${textOf(address)}`;

/**
 * Hardware addresses of the next hops that routes name. XDP sends frames past the kernel's
 * neighbour tables, which would forget those that nobody else uses: so we say that they are used.
 */
export class Hops {
  readonly #netlink: Netlink;
  readonly #routes: RowTable;
  readonly #rows: RowTable;
  #nextHops: ReadonlyMap<string, NextHop> = new Map();
  readonly #turns = new Turns<string>();
  /** State of `routes` that next hops were taken from. */
  #changes = -1;

  constructor(hops: BpfMap, netlink: Netlink, routes: RowTable) {
    this.#rows = new RowTable(hops);
    this.#netlink = netlink;
    this.#routes = routes;
  }

  /** Brings the map up to date; the interfaces that next hops are at. Throws a SystemError. */
  follow(exitOf: (index: number) => Exit): readonly Exit[] {
    if (this.#changes !== this.#routes.changes) this.#readRoutes();
    const indexes = [...new Set([...this.#nextHops.values()].map((hop) => hop.interface))];
    const exits = new Map(indexes.map((index) => [index, exitIfThere(index, exitOf)]));
    const neighbours = new Map(
      listNeighbours(this.#netlink).map((one) => [keyOf(one.interface, one.address), one]),
    );
    for (const [key, hop] of this.#nextHops) {
      const row = rowOf(hop, neighbours.get(key), exits.get(hop.interface));
      for (const at of hop.rows) this.#rows.set(at, row);
    }
    this.#rows.flush();
    this.#ask(neighbours);
    return [...exits.values()].filter((exit) => exit !== undefined);
  }

  #readRoutes(): void {
    const nextHops = new Map<string, NextHop>();
    for (let row = 0; row < this.#routes.rows; row++) {
      const index = this.#routes.u32(row, ROUTE.INTERFACE);
      if (index === 0 || this.#routes.u8(row, ROUTE.LOCAL) !== 0) {
        this.#rows.set(row, NOTHING);
        continue;
      }
      const address = this.#routes.get(row).subarray(ROUTE.NEXT_HOP, ROUTE.NEXT_HOP + 16);
      const key = keyOf(index, address);
      const known = nextHops.get(key);
      if (known) known.rows.push(row);
      else nextHops.set(key, { address, interface: index, rows: [row] });
    }
    this.#nextHops = nextHops;
    this.#changes = this.#routes.changes;
  }

  #ask(neighbours: ReadonlyMap<string, Neighbour>): void {
    const keys = [...this.#nextHops.keys()];
    const wanted = keys.filter((key) => neighbours.get(key)?.isStale !== false);
    for (const key of this.#turns.take(wanted, ASKED_AT_ONCE)) {
      const hop = this.#nextHops.get(key)!;
      try {
        useNeighbour(this.#netlink, hop.address, hop.interface);
      } catch {
        // The interface is down: tcx says what becomes of packets.
      }
    }
  }
}

function exitIfThere(index: number, exitOf: (index: number) => Exit): Exit | undefined {
  try {
    return exitOf(index);
  } catch (error) {
    if ((error as SystemError).errno !== ERRNO.ENODEV) throw error;
    return undefined;
  }
}

function rowOf(hop: NextHop, known: Neighbour | undefined, exit: Exit | undefined): Uint8Array {
  if (!known || !exit || exit.problem !== undefined) return NOTHING;
  const { address: nextHop, interface: index } = hop;
  return hopRow({ nextHop, address: known.hardware, source: exit.hardware, interface: index });
}
