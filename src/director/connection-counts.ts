import { sameBytes, viewOf } from "#base/bytes.ts";
import type { Mapping } from "#io/memory.ts";
import { CONNECTION, DESTINATION, FLOW, LOAD, SERVICE_STATE } from "#plan/director-layout.ts";
import { CONNECTION_FLAG } from "#plan/director-numbers.ts";
import type { Kernel } from "./kernel.ts";
import { rowKey } from "./rows.ts";
import { SourceCounts } from "./source-counts.ts";
import { kernelTicks } from "./ticks.ts";

/** Of a connection, where it is counted. */
export interface Counted {
  /** Of `destinations`. */
  readonly row: number;
  /** Value of that row. */
  readonly destination: Uint8Array;
  /** CONNECTION_FLAGs. */
  readonly flags: number;
}

/**
 * How many connections servers, services and clients have, as far as control changes them: the
 * programs do the same, in states.h and connection.h, and both with atomic instructions.
 */
export class ConnectionCounts {
  readonly sources: SourceCounts;
  readonly #maps: Kernel["maps"];
  readonly #mappings: readonly Mapping[];
  readonly #loads: Int32Array;
  readonly #states: Int32Array;

  constructor({ maps }: Pick<Kernel, "maps">) {
    this.#maps = maps;
    this.sources = new SourceCounts({ maps });
    const mapped = [maps.loads.mmap(), maps.service_states.mmap()] as const;
    this.#mappings = mapped;
    this.#loads = new Int32Array(mapped[0].buffer);
    this.#states = new Int32Array(mapped[1].buffer);
  }

  close(): void {
    for (const mapping of this.#mappings) mapping.unmap();
  }

  /** No connection is known of that row. */
  isIdle(row: number): boolean {
    const at = (row * LOAD.BYTES) >> 2;
    return this.#loads[at]! <= 0 && this.#loads[at + 1]! <= 0;
  }

  setLoad(row: number, active: number, inactive: number): void {
    const at = (row * LOAD.BYTES) >> 2;
    if (this.#loads[at] !== active) Atomics.store(this.#loads, at, active);
    if (this.#loads[at + 1] !== inactive) Atomics.store(this.#loads, at + 1, inactive);
  }

  setService(service: number, connections: number): void {
    const at = (service * SERVICE_STATE.BYTES + SERVICE_STATE.CONNECTIONS) >> 2;
    if (this.#states[at] !== connections) Atomics.store(this.#states, at, connections);
  }

  /** A connection was put into the table. */
  add(key: Uint8Array, { row, destination, flags }: Counted): void {
    const owner = viewOf(destination);
    this.#addLoad(row, owner, flags, 1);
    const service = owner.getUint32(DESTINATION.SERVICE, true);
    Atomics.add(this.#states, (service * SERVICE_STATE.BYTES + SERVICE_STATE.CONNECTIONS) >> 2, 1);
    if (flags & CONNECTION_FLAG.SOURCED) this.sources.increase(key, service, kernelTicks());
  }

  /** A connection is active now, or no more. */
  turn({ row, destination, flags }: Counted, flagsNow: number): void {
    if (((flags ^ flagsNow) & CONNECTION_FLAG.INACTIVE) === 0) return;
    const owner = viewOf(destination);
    this.#addLoad(row, owner, flags, -1);
    this.#addLoad(row, owner, flagsNow, 1);
  }

  /** Deletes a connection, and subtracts it unless a program was faster. */
  forget(key: Uint8Array, connection: Uint8Array): void {
    const view = viewOf(connection);
    const row = view.getUint32(CONNECTION.DESTINATION, true);
    const flags = view.getUint16(CONNECTION.FLAGS, true);
    const generation = view.getUint32(CONNECTION.GENERATION, true);
    if (!this.#maps.connections.delete(key)) return;
    if (flags & CONNECTION_FLAG.PROXIED) this.#maps.proxied.delete(key);
    const destination = this.#maps.destinations.lookup(rowKey(row));
    if (!destination) return;
    const owner = viewOf(destination);
    if (owner.getUint32(DESTINATION.GENERATION, true) !== generation) return;
    this.#addLoad(row, owner, flags, -1);
    const service = owner.getUint32(DESTINATION.SERVICE, true);
    Atomics.sub(this.#states, (service * SERVICE_STATE.BYTES + SERVICE_STATE.CONNECTIONS) >> 2, 1);
    if (flags & CONNECTION_FLAG.SOURCED) this.sources.subtract(key, service, kernelTicks());
    if (flags & CONNECTION_FLAG.PAIRED) this.#forgetReply(key, view, destination);
  }

  /** As add_load() in states.h. */
  #addLoad(row: number, owner: DataView, flags: number, by: 1 | -1): void {
    const load = (row * LOAD.BYTES) >> 2;
    Atomics.add(this.#loads, load + (flags & CONNECTION_FLAG.INACTIVE ? 1 : 0), by);
    const upper = owner.getUint32(DESTINATION.UPPER, true);
    if (upper === 0) return;
    const lower = owner.getUint32(DESTINATION.LOWER, true);
    const all = this.#loads[load]! + this.#loads[load + 1]!;
    if (by > 0 && all >= upper) Atomics.store(this.#loads, load + 2, 1);
    else if (lower ? all < lower : all * 4 < upper * 3) Atomics.store(this.#loads, load + 2, 0);
  }

  #forgetReply(key: Uint8Array, connection: DataView, destination: Uint8Array): void {
    let to: { readonly address: Uint8Array; readonly port: number } | undefined;
    const port = connection.getUint16(CONNECTION.LOCAL_PORT);
    if (port !== 0) {
      const local = connection.getUint16(CONNECTION.LOCAL, true);
      const address = this.#maps.locals.lookup(rowKey(local));
      if (!address) return;
      to = { address, port };
    }
    const reply = replyKey(key, destination, to);
    const known = this.#maps.replies.lookup(reply);
    // The same client may have come to the same server by another service since.
    if (known && isOfService(known, key)) this.#maps.replies.delete(reply);
  }
}

/**
 * As reply_key() in connection.h: the flow of the server's packets, whose other end is the client
 * or, in FULLNAT, `to`.
 */
export function replyKey(
  key: Uint8Array,
  destination: Uint8Array,
  to?: { readonly address: Uint8Array; readonly port: number },
): Uint8Array {
  const reply = new Uint8Array(FLOW.BYTES);
  const view = viewOf(reply);
  const flow = viewOf(key);
  reply.set(destination.subarray(DESTINATION.ADDRESS, DESTINATION.ADDRESS + 16), FLOW.SOURCE);
  reply[FLOW.PROTOCOL] = key[FLOW.PROTOCOL]!;
  const port = viewOf(destination).getUint16(DESTINATION.PORT);
  view.setUint16(FLOW.SOURCE_PORT, port || flow.getUint16(FLOW.DESTINATION_PORT));
  reply.set(to?.address ?? key.subarray(FLOW.SOURCE, FLOW.SOURCE + 16), FLOW.DESTINATION);
  view.setUint16(FLOW.DESTINATION_PORT, to?.port ?? flow.getUint16(FLOW.SOURCE_PORT));
  return reply;
}

/** Two flows of clients are to the same address and port. */
const isOfService = (a: Uint8Array, b: Uint8Array): boolean =>
  ENDS.every(([from, to]) => sameBytes(a, from, to, b.subarray(from, to)));

const ENDS = [
  [FLOW.DESTINATION, FLOW.DESTINATION + 16],
  [FLOW.DESTINATION_PORT, FLOW.DESTINATION_PORT + 2],
] as const;
