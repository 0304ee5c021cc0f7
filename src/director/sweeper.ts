import { viewOf } from "#base/bytes.ts";
import type { Batch } from "#io/bpf/map-batch.ts";
import { CONNECTION, DESTINATION, FLOW } from "#plan/director-layout.ts";
import { CONN_STATE, CONNECTION_FLAG } from "#plan/director-numbers.ts";
import { isShort } from "#plan/table-count.ts";
import { ConnectionCounts } from "./connection-counts.ts";
import type { Kernel } from "./kernel.ts";
import { rowKey } from "./rows.ts";
import type { SourceCounts } from "./source-counts.ts";
import { kernelTicks, TICKS_A_SECOND } from "./ticks.ts";
import { timeoutsIn } from "./timeouts.ts";

/** Connections looked at in one step: some milliseconds. */
const CHUNK = 4096;
/** Passes after which connections of clients are counted anew in any case. */
const SOURCES_EVERY = 60;
/** Of half-open connections, the part that is thrown out in a second where that is wanted. */
const THROWN_OUT = 1 / 32;

/** What a pass knows once for many connections. */
export interface PassTime {
  /** Ticks. */
  readonly now: number;
  /** Ticks, by state. */
  readonly timeouts: Uint32Array;
}

/** Who sees every connection that goes on, in the order of the table, pass by pass. */
export interface PassVisitor {
  /** `now` in ticks. */
  begin(now: number): void;
  /** The i-th of `keys` and `values`, which are of use only while this runs. */
  visit(keys: Int32Array, values: DataView, i: number, time: PassTime): void;
  end(): void;
}

/** What a pass is to do besides. */
export interface SweepWishes {
  /** Half-open connections are thrown out, one in 32 a second. */
  readonly throwsOut: boolean;
  /** Some service limits the connections of a client. */
  readonly countsSources: boolean;
  readonly visitors?: readonly PassVisitor[];
}

const NO_WISHES: SweepWishes = { throwsOut: false, countsSources: false };

const isHalfOpen = (state: number): boolean =>
  state === CONN_STATE.SYN_RECV || state === CONN_STATE.SYNACK;

/**
 * Takes connections out of the table whose time is over, with their part in the counts. The kernel
 * knows by itself that they are, when a packet comes; this gives the memory back and keeps the
 * numbers of active and inactive connections right. A pass goes over the whole table in steps.
 */
export class Sweeper {
  readonly counts: ConnectionCounts;
  readonly #kernel: Pick<Kernel, "maps" | "configuration">;
  readonly #sources: SourceCounts;
  readonly #active: Int32Array;
  readonly #inactive: Int32Array;
  #pass: Generator<Batch> | undefined;
  #visitors: readonly PassVisitor[] = [];
  #seen = 0;
  #count = 0;
  #passes = 0;
  #began = kernelTicks();
  /** Of half-open connections, the part to be thrown out in this pass, and what is due of it. */
  #share = 0;
  #due = 0;
  /** Services by row, as far as this pass has met them. */
  readonly #services = new Map<number, number>();

  constructor(kernel: Pick<Kernel, "maps" | "configuration">) {
    this.#kernel = kernel;
    this.counts = new ConnectionCounts(kernel);
    this.#sources = this.counts.sources;
    const { destinations } = kernel.maps;
    this.#active = new Int32Array(destinations.maxEntries);
    this.#inactive = new Int32Array(destinations.maxEntries);
  }

  /** Connections there were in the table when the last pass ended. */
  get count(): number {
    return this.#count;
  }

  get #isShort(): boolean {
    return isShort({ count: this.#count, size: this.#kernel.maps.connections.maxEntries });
  }

  /** Goes on with the pass, or begins one. True when it is done. */
  step(wishes: SweepWishes = NO_WISHES): boolean {
    this.#pass ??= this.#begin(wishes);
    const { value, done } = this.#pass.next();
    if (!done) {
      this.#look(value);
      return false;
    }
    this.#pass = undefined;
    this.#count = this.#seen;
    for (const visitor of this.#visitors) visitor.end();
    if (this.#isShort) this.#recount();
    if (this.#sources.isCounting) this.#sources.settle();
    return true;
  }

  /** No connection is known of that row. */
  isIdle(row: number): boolean {
    return this.counts.isIdle(row);
  }

  close(): void {
    this.counts.close();
  }

  #begin({ throwsOut, countsSources, visitors = [] }: SweepWishes): Generator<Batch> {
    this.#active.fill(0);
    this.#inactive.fill(0);
    this.#seen = 0;
    this.#services.clear();
    const now = kernelTicks();
    const seconds = Math.max(1, ((now - this.#began) | 0) / TICKS_A_SECOND);
    this.#began = now;
    this.#share = throwsOut ? Math.min(1, seconds * THROWN_OUT) : 0;
    if (countsSources && (this.#isShort || this.#passes % SOURCES_EVERY === 0)) {
      this.#sources.begin(now);
    }
    this.#passes++;
    this.#visitors = visitors;
    for (const visitor of visitors) visitor.begin(now);
    return this.#kernel.maps.connections.batches(CHUNK);
  }

  #look({ keys, values, count }: Batch): void {
    const timeouts = timeoutsIn(this.#kernel.configuration);
    const now = kernelTicks();
    const view = viewOf(values);
    const keyWords = new Int32Array(keys.buffer, keys.byteOffset, keys.length >> 2);
    const time = { now, timeouts };
    const visitors = this.#visitors;
    const gone: number[] = [];
    const thrownOut: number[] = [];
    for (let i = 0; i < count; i++) {
      const at = i * CONNECTION.BYTES;
      const state = view.getUint16(at + CONNECTION.STATE, true);
      const silent = (now - view.getUint32(at + CONNECTION.SEEN, true)) | 0;
      if (silent > timeouts[state]!) {
        gone.push(i);
        continue;
      }
      if (isHalfOpen(state) && this.#isDue()) {
        thrownOut.push(i);
        continue;
      }
      this.#seen++;
      for (const visitor of visitors) visitor.visit(keyWords, view, i, time);
      const row = view.getUint32(at + CONNECTION.DESTINATION, true);
      const flags = view.getUint16(at + CONNECTION.FLAGS, true);
      const counts = flags & CONNECTION_FLAG.INACTIVE ? this.#inactive : this.#active;
      if (row < counts.length) counts[row]!++;
      if (flags & CONNECTION_FLAG.SOURCED && this.#sources.isCounting) {
        this.#sources.add(keys.subarray(i * FLOW.BYTES), this.#serviceOf(row));
      }
    }
    const keyAt = (i: number): Uint8Array => keys.slice(i * FLOW.BYTES, (i + 1) * FLOW.BYTES);
    for (const i of gone) {
      this.counts.forget(
        keyAt(i),
        values.subarray(i * CONNECTION.BYTES, (i + 1) * CONNECTION.BYTES),
      );
    }
    for (const i of thrownOut) this.#throwOut(keyAt(i));
  }

  #isDue(): boolean {
    this.#due += this.#share;
    if (this.#due < 1) return false;
    this.#due -= 1;
    return true;
  }

  /** It may have opened since it was read. */
  #throwOut(key: Uint8Array): void {
    const value = this.#kernel.maps.connections.lookup(key);
    if (!value) return;
    const view = new DataView(value.buffer, value.byteOffset);
    if (isHalfOpen(view.getUint16(CONNECTION.STATE, true))) this.counts.forget(key, value);
  }

  #serviceOf(row: number): number {
    let service = this.#services.get(row);
    if (service === undefined) {
      const value = this.#kernel.maps.destinations.lookup(rowKey(row));
      service = value ? new DataView(value.buffer).getUint32(DESTINATION.SERVICE, true) : 0;
      this.#services.set(row, service);
    }
    return service;
  }

  /** Sets the counts to what the pass has seen. */
  #recount(): void {
    const services = new Int32Array(this.#kernel.maps.services.maxEntries);
    for (let row = 0; row < this.#active.length; row++) {
      const all = this.#active[row]! + this.#inactive[row]!;
      if (all > 0) services[this.#serviceOf(row)]! += all;
      this.counts.setLoad(row, this.#active[row]!, this.#inactive[row]!);
    }
    for (const [service, connections] of services.entries()) {
      this.counts.setService(service, connections);
    }
  }
}
