import { viewOf } from "#base/bytes.ts";
import { formatIp } from "#base/ip.ts";
import { PROTOCOL } from "#base/protocol.ts";
import { CONNECTION, FLOW, REPLY, TEMPLATE, TEMPLATE_KEY } from "#plan/director-layout.ts";
import { CONN_STATE, CONNECTION_FLAG, METHOD } from "#plan/director-numbers.ts";
import type { ServicePlan } from "#plan/plan.ts";
import { type ConnectionCounts, replyKey } from "../connection-counts.ts";
import type { Kernel } from "../kernel.ts";
import { maskOf, serverKey } from "../rows.ts";
import { kernelTicks, ticksOf } from "../ticks.ts";
import { timeoutsIn } from "../timeouts.ts";
import type { SyncRefusal } from "./counts.ts";
import { methodIn } from "./entries.ts";
import { type Known, NOTICED } from "./known.ts";
import { readCall } from "./own.ts";
import { FTP_PORT, familyOf, isMovable, type Place, type Places, placeNumber } from "./places.ts";
import { isActive, isEnd, isOpen, stateOf } from "./states.ts";
import { type SyncEntry, WIRE_FLAG } from "./wire.ts";

/** Longest time that is believed, some 13 days: differences of ticks are of 31 bits. */
const LONGEST_TICKS = 2 ** 30;

export interface IntakeParts {
  readonly kernel: Pick<Kernel, "maps" | "configuration">;
  readonly places: Places;
  readonly counts: ConnectionCounts;
  readonly connections: Known;
  readonly templates: Known;
  /** By which interface a client's packets will come. */
  wayTo(client: Uint8Array): number;
  /** Replies of a server do not say whose they are; `key` is of `servers`. */
  isAmbiguous(key: Uint8Array): boolean;
  /** The table of connections has no room but what an LRU makes. */
  isFull(): boolean;
}

/** What became of an entry: taken in, of no use any more, or refused. */
export type Taken = "connection" | "template" | "over" | SyncRefusal;

/** Of a key that was made here, so that it is where words may be. */
const wordsOf = (key: Uint8Array): Int32Array =>
  new Int32Array(key.buffer, key.byteOffset, key.length >> 2);

/**
 * Puts what others tell into the tables, as if the connections had begun here, each until its
 * time is over as the others say. What is known better here stays. Between a look at a connection
 * and its change a packet may come, whose change of state is lost then: of a connection that two
 * directors have at once, which is not for long.
 */
export class Intake {
  readonly #parts: IntakeParts;
  #timeouts = new Uint32Array(CONN_STATE.ROWS);

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** To be called before entries of a message are taken. */
  begin(): void {
    this.#timeouts = timeoutsIn(this.#parts.kernel.configuration);
  }

  take(entry: SyncEntry): Taken {
    const { client, service, server, family } = entry;
    // IPv4 that pretends to be IPv6.
    if ([client, service, server].some((one) => familyOf(one) !== family) && entry.protocol !== 0) {
      return "kind";
    }
    return entry.flags & WIRE_FLAG.TEMPLATE
      ? this.#takeTemplate(entry)
      : this.#takeConnection(entry);
  }

  #takeConnection(entry: SyncEntry): Taken {
    const { service: address, servicePort, server, serverPort, protocol, clientPort } = entry;
    const state = stateOf(protocol, entry.state);
    if (state === undefined) return "state";
    const odd = WIRE_FLAG.NO_CLIENT_PORT | WIRE_FLAG.ONE_PACKET | WIRE_FLAG.SEQUENCES;
    if (entry.flags & odd || entry.engine || clientPort === 0) return "kind";
    const { places } = this.#parts;
    const marked =
      entry.mark === 0 ? undefined : places.serviceOfMark(entry.mark, entry.family, protocol);
    const service = marked ?? places.service(address, formatIp(address), servicePort, protocol);
    if (!service) return "service";
    const method = methodIn(entry.flags);
    const place = places.server(service, server, { port: serverPort, servicePort, method });
    if (!place || serverPort === 0) return "server";
    if (!isMovable(service, place)) return "method";
    return this.#settle(
      flowOf(entry),
      { state, ticks: this.#ticksOf(entry, state) },
      service,
      place,
    );
  }

  #ticksOf({ timeoutSeconds }: SyncEntry, state: number): number {
    if (timeoutSeconds === 0) return this.#timeouts[state]!;
    return Math.min(LONGEST_TICKS, ticksOf(timeoutSeconds * 1000));
  }

  /** What is told is held against what is there. */
  #settle(
    key: Uint8Array,
    { state, ticks }: { readonly state: number; readonly ticks: number },
    service: ServicePlan,
    place: Place,
  ): Taken {
    const { kernel, counts, connections } = this.#parts;
    const now = kernelTicks();
    const told = { state, seen: (now + ticks - this.#timeouts[state]!) >>> 0 };
    const number = placeNumber(place.row, place.generation);
    const before = kernel.maps.connections.lookup(key);
    if (before && !this.#isOver(before, now)) {
      const view = viewOf(before);
      const row = view.getUint32(CONNECTION.DESTINATION, true);
      const generation = view.getUint32(CONNECTION.GENERATION, true);
      const there = connections.find(
        wordsOf(key),
        0,
        key.length >> 2,
        placeNumber(row, generation),
      );
      const seen = view.getUint32(CONNECTION.SEEN, true);
      // As others have it, if no packet came here since they were told, or told us.
      const isUntouched = there >= 0 && connections.seen(there) === seen;
      if (!isUntouched && ((told.seen - seen) | 0) <= 0) return "older";
      if (row === place.row && generation === place.generation) {
        this.#change(key, before, told, place);
        connections.note(there, state, told.seen, now);
        return "connection";
      }
      // The end of a connection that another has taken the place of.
      if (isEnd(state)) return "over";
    } else if (!isOpen(state)) return "over";
    if (before) counts.forget(key, before);
    else if (this.#parts.isFull()) return "full";
    if (!this.#insert(key, told, service, place)) return "older";
    connections.note(
      connections.find(wordsOf(key), 0, key.length >> 2, number),
      state,
      told.seen,
      now,
    );
    return "connection";
  }

  #isOver(connection: Uint8Array, now: number): boolean {
    const view = viewOf(connection);
    const silent = (now - view.getUint32(CONNECTION.SEEN, true)) | 0;
    return silent > this.#timeouts[view.getUint16(CONNECTION.STATE, true)]!;
  }

  #change(
    key: Uint8Array,
    before: Uint8Array,
    { state, seen }: { readonly state: number; readonly seen: number },
    { row, value: destination }: Place,
  ): void {
    const { kernel, counts } = this.#parts;
    const flags = viewOf(before).getUint16(CONNECTION.FLAGS, true);
    const flagsNow = isActive(state)
      ? flags & ~CONNECTION_FLAG.INACTIVE
      : flags | CONNECTION_FLAG.INACTIVE;
    const view = viewOf(before);
    view.setUint32(CONNECTION.SEEN, seen, true);
    view.setUint16(CONNECTION.STATE, state, true);
    view.setUint16(CONNECTION.FLAGS, flagsNow, true);
    kernel.maps.connections.update(key, before);
    counts.turn({ row, destination, flags }, flagsNow);
  }

  /** False when a packet has just begun it. */
  #insert(
    key: Uint8Array,
    { state, seen }: { readonly state: number; readonly seen: number },
    service: ServicePlan,
    place: Place,
  ): boolean {
    const { kernel, counts } = this.#parts;
    const isPaired = this.#isAmbiguous(key, place);
    const flags =
      (isActive(state) ? 0 : CONNECTION_FLAG.INACTIVE) |
      (service.persistence ? CONNECTION_FLAG.PERSISTENT : 0) |
      (service.maxPerSource > 0 ? CONNECTION_FLAG.SOURCED : 0) |
      (isPaired ? CONNECTION_FLAG.PAIRED : 0);
    const value = new Uint8Array(CONNECTION.BYTES);
    const view = viewOf(value);
    view.setUint32(CONNECTION.DESTINATION, place.row, true);
    view.setUint32(CONNECTION.GENERATION, place.generation, true);
    view.setUint32(CONNECTION.SEEN, seen, true);
    const client = key.subarray(FLOW.SOURCE, FLOW.SOURCE + 16);
    // Only answers that come this way have to know.
    const way = place.method === METHOD.NAT ? this.#parts.wayTo(client) : 0;
    view.setUint32(CONNECTION.INTERFACE, way, true);
    view.setUint16(CONNECTION.STATE, state, true);
    view.setUint16(CONNECTION.FLAGS, flags, true);
    if (isPaired) this.#keepReply(key, place, seen);
    if (!kernel.maps.connections.insert(key, value)) return false;
    counts.add(key, { row: place.row, destination: place.value, flags });
    return true;
  }

  #isAmbiguous(key: Uint8Array, place: Place): boolean {
    if (place.method !== METHOD.NAT) return false;
    const reply = replyKey(key, place.value);
    const address = reply.subarray(FLOW.SOURCE, FLOW.SOURCE + 16);
    const port = viewOf(reply).getUint16(FLOW.SOURCE_PORT);
    const protocol = key[FLOW.PROTOCOL]!;
    const { isAmbiguous } = this.#parts;
    return (
      isAmbiguous(serverKey(address, port, protocol)) ||
      isAmbiguous(serverKey(address, 0, protocol))
    );
  }

  #keepReply(key: Uint8Array, place: Place, seen: number): void {
    const value = new Uint8Array(REPLY.BYTES);
    value.set(key, REPLY.FLOW);
    viewOf(value).setUint32(REPLY.SEEN, seen, true);
    this.#parts.kernel.maps.replies.update(replyKey(key, place.value), value);
  }

  #takeTemplate(entry: SyncEntry): Taken {
    const call = readCall(entry);
    if (entry.engine && !call) return "kind";
    const service = this.#serviceOfTemplate(entry);
    if (!service) return "service";
    const { persistence } = service;
    if (!persistence || (persistence.by === "call-id") !== (call !== undefined)) return "kind";
    const { server, serverPort: port, servicePort } = entry;
    const method = methodIn(entry.flags);
    const place = this.#parts.places.server(service, server, { port, servicePort, method });
    if (!place) return "server";
    if (!isMovable(service, place)) return "method";
    const { maps } = this.#parts.kernel;
    const key = new Uint8Array(TEMPLATE_KEY.BYTES);
    const source = call ?? masked(entry.client, persistence);
    key.set(source, TEMPLATE_KEY.SOURCE);
    viewOf(key).setUint32(TEMPLATE_KEY.SERVICE, service.slot, true);
    const now = kernelTicks();
    const timeout = ticksOf(persistence.timeoutMs);
    const ticks =
      entry.timeoutSeconds === 0
        ? timeout
        : Math.min(LONGEST_TICKS, ticksOf(entry.timeoutSeconds * 1000));
    const seen = (now + ticks - timeout) >>> 0;
    const before = maps.templates.lookup(key);
    const known = before && viewOf(before).getUint32(TEMPLATE.SEEN, true);
    if (known !== undefined && ((seen - known) | 0) <= 0) return "older";
    const value = new Uint8Array(TEMPLATE.BYTES);
    const view = viewOf(value);
    view.setUint32(TEMPLATE.DESTINATION, place.row, true);
    view.setUint32(TEMPLATE.GENERATION, place.generation, true);
    view.setUint32(TEMPLATE.SEEN, seen, true);
    if (before)
      view.setUint32(TEMPLATE.INTERFACE, viewOf(before).getUint32(TEMPLATE.INTERFACE, true), true);
    maps.templates.update(key, value);
    const { templates } = this.#parts;
    const number = placeNumber(place.row, place.generation);
    templates.note(
      templates.find(wordsOf(key), 0, key.length >> 2, number),
      NOTICED + 1,
      seen,
      now,
    );
    return "template";
  }

  /** IPVS has templates of a mark, of a port, and of all ports of an address. */
  #serviceOfTemplate(entry: SyncEntry): ServicePlan | undefined {
    const { places } = this.#parts;
    const { protocol, service: address, servicePort, family } = entry;
    if (protocol === 0) {
      const mark = viewOf(address).getUint32(family === 4 ? 12 : 0);
      return places.serviceOfMark(mark, family, protocol);
    }
    const host = formatIp(address);
    if (servicePort !== 0) return places.service(address, host, servicePort, protocol);
    const ftp = protocol === PROTOCOL.tcp ? FTP_PORT : 0;
    return places.serviceOfAll(host, protocol) ?? places.service(address, host, ftp, protocol);
  }
}

function flowOf(entry: SyncEntry): Uint8Array {
  const key = new Uint8Array(FLOW.BYTES);
  const view = viewOf(key);
  key.set(entry.client, FLOW.SOURCE);
  key.set(entry.service, FLOW.DESTINATION);
  view.setUint16(FLOW.SOURCE_PORT, entry.clientPort);
  view.setUint16(FLOW.DESTINATION_PORT, entry.servicePort);
  key[FLOW.PROTOCOL] = entry.protocol;
  return key;
}

/** As mask_address() in connection.h. */
function masked(
  address: Uint8Array,
  { prefix4, prefix6 }: { readonly prefix4: number; readonly prefix6: number },
): Uint8Array {
  const bits = familyOf(address) === 4 ? 96 + prefix4 : prefix6;
  const mask = maskOf(bits);
  return address.map((byte, i) => byte & mask[i]!);
}
