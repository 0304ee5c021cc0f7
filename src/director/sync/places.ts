import { LAST_PORT } from "#base/address.ts";
import { viewOf } from "#base/bytes.ts";
import { isMapped } from "#base/ip.ts";
import { PROTOCOL } from "#base/protocol.ts";
import { DESTINATION } from "#plan/director-layout.ts";
import { DESTINATION_FLAG, METHOD } from "#plan/director-numbers.ts";
import type { ServicePlan } from "#plan/plan.ts";
import { lookupsOf } from "../compose.ts";
import type { Director } from "../director.ts";
import { markKey, serviceKey } from "../rows.ts";
import { textOf } from "../text-key.ts";

/** What of a director is needed here. */
export type Directing = Pick<Director, "plan" | "rowsOf" | "destination" | "epoch">;

/** A server as one service sees it: its row, and what is in that. */
export interface Place {
  readonly row: number;
  readonly value: Uint8Array;
  readonly generation: number;
  readonly method: number;
  /** 0: as it came. */
  readonly port: number;
}

/** How another director tells a server of an address from others. */
interface ServerName {
  readonly port: number;
  readonly servicePort: number;
  /** A METHOD. */
  readonly method: number;
}

interface Range {
  readonly first: number;
  readonly last: number;
  readonly service: ServicePlan;
}

/** Of FTP, whose templates IPVS makes for all ports. */
export const FTP_PORT = 21;

/** Methods by which another director can go on. */
const MOVABLE: ReadonlySet<number> = new Set([METHOD.NAT, METHOD.DR, METHOD.TUN]);

/** A service's connections to a server can be another director's too. */
export const isMovable = ({ onePacket }: ServicePlan, { method }: Place): boolean =>
  !onePacket && MOVABLE.has(method);

/** Services and servers of the Plan in force, as others name them. */
export class Places {
  readonly #director: Directing;
  #epoch = -1;
  #bySlot = new Map<number, ServicePlan>();
  #exact = new Map<string, ServicePlan>();
  /** By address and protocol. */
  #ranges = new Map<string, Range[]>();
  /** By service; of those that were asked for. */
  #servers = new Map<ServicePlan, Map<string, number[]>>();

  constructor(director: Directing) {
    this.#director = director;
  }

  /** Follows the Plan and the servers. */
  #settle(): void {
    if (this.#epoch === this.#director.epoch) return;
    this.#epoch = this.#director.epoch;
    this.#bySlot = new Map();
    this.#exact = new Map();
    this.#ranges = new Map();
    this.#servers = new Map();
    for (const service of this.#director.plan?.services ?? []) {
      this.#bySlot.set(service.slot, service);
      for (const { key } of lookupsOf(service).lookups) this.#exact.set(textOf(key), service);
      this.#addRanges(service);
    }
  }

  #addRanges(service: ServicePlan): void {
    for (const { host, firstPort: first, lastPort: last } of service.binds) {
      if (first === last) continue;
      for (const name of service.protocols) {
        const at = `${host}/${PROTOCOL[name]}`;
        const there = this.#ranges.get(at);
        const range = { first, last, service };
        if (there) there.push(range);
        else this.#ranges.set(at, [range]);
      }
    }
  }

  /** The service of a row of `services`. */
  serviceAt(slot: number): ServicePlan | undefined {
    this.#settle();
    return this.#bySlot.get(slot);
  }

  /** The service that packets to an address are for; `host` is the address in words. */
  service(address: Uint8Array, host: string, port: number, protocol: number) {
    this.#settle();
    const exact = this.#exact.get(textOf(serviceKey(address, port, protocol)));
    if (exact) return exact;
    const ranges = this.#ranges.get(`${host}/${protocol}`) ?? [];
    return ranges.find(({ first, last }) => port >= first && port <= last)?.service;
  }

  /** The service that takes every port of an address. */
  serviceOfAll(host: string, protocol: number): ServicePlan | undefined {
    this.#settle();
    const ranges = this.#ranges.get(`${host}/${protocol}`) ?? [];
    return ranges.find(isAll)?.service;
  }

  /** `protocol` 0: whichever it is of, as templates do not say. */
  serviceOfMark(mark: number, family: 4 | 6, protocol: number): ServicePlan | undefined {
    this.#settle();
    const protocols = protocol === 0 ? Object.values(PROTOCOL) : [protocol];
    for (const one of protocols) {
      const service = this.#exact.get(textOf(markKey(mark, family, one)));
      if (service) return service;
    }
    return undefined;
  }

  /**
   * A service's server; `port` 0 is any, `servicePort` where packets come for. Where the address
   * and port are of several, the one that packets get to by `method`, or else one that another
   * director's packets can get to.
   */
  server(
    service: ServicePlan,
    address: Uint8Array,
    { port, servicePort, method }: ServerName,
  ): Place | undefined {
    this.#settle();
    const found = this.#rowsAt(service, address)
      .map((row) => this.placeAt(row))
      .filter((place) => place !== undefined)
      .filter((place) => port === 0 || (place.port || servicePort) === port);
    return (
      found.find((place) => place.method === method) ??
      found.find((place) => isMovable(service, place)) ??
      found[0]
    );
  }

  #rowsAt(service: ServicePlan, address: Uint8Array): readonly number[] {
    let rows = this.#servers.get(service);
    if (!rows) {
      rows = new Map();
      for (const { row, facts } of this.#director.rowsOf(service)) {
        if (!facts.address) continue;
        const text = textOf(facts.address);
        rows.set(text, [...(rows.get(text) ?? []), row]);
      }
      this.#servers.set(service, rows);
    }
    return rows.get(textOf(address)) ?? [];
  }

  /** What a row of `destinations` has, unless nobody is there. */
  placeAt(row: number): Place | undefined {
    const value = this.#director.destination(row);
    if (!value || (value[DESTINATION.FLAGS]! & DESTINATION_FLAG.PRESENT) === 0) return undefined;
    const view = viewOf(value);
    return {
      row,
      value,
      generation: view.getUint32(DESTINATION.GENERATION, true),
      method: value[DESTINATION.METHOD]!,
      port: view.getUint16(DESTINATION.PORT),
    };
  }
}

export const isAll = ({ first, last }: { readonly first: number; readonly last: number }) =>
  first <= 1 && last === LAST_PORT;

export const familyOf = (address: Uint8Array, at = 0): 4 | 6 => (isMapped(address, at) ? 4 : 6);

/** Tells connections of a flow to one server from those to another. */
export const placeNumber = (row: number, generation: number): number =>
  Math.imul(row, 0x9e3779b1) ^ generation;
