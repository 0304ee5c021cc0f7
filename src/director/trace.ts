import { RingReader } from "#io/bpf/ringbuf.ts";
import { kernelNs } from "#io/clock.ts";
import type { Mapping } from "#io/memory.ts";
import { TRACING } from "#plan/director-layout.ts";
import { TRACE_FLAG } from "#plan/director-numbers.ts";
import type { Director } from "./director.ts";
import { kernelTicks, ticksOf } from "./ticks.ts";
import { type PacketEvent, readEvent } from "./trace-event.ts";
import { endpointsOf } from "./trace-names.ts";

/** Which packets are told of; undefined: those of all. */
export interface TraceFilter {
  /** 16 bytes. */
  readonly client: Uint8Array | undefined;
  /** A service's slot. */
  readonly service: number | undefined;
}

/** A packet as people want to see it. */
export interface TraceEvent extends Omit<PacketEvent, "ns" | "service" | "destination"> {
  /** Wall-clock milliseconds. */
  readonly at: number;
  /** Names; empty when there is none, or it is gone. */
  readonly service: string;
  readonly server: string;
  /** `10.0.0.1:80`. */
  readonly serverAddress: string;
}

/**
 * Has the program tell what becomes of packets. It stops by itself when nobody says `renew` any
 * more, so that one who dies leaves nothing on.
 */
export class Trace {
  readonly #director: Director;
  readonly #memory: Mapping;
  readonly #cells: Uint32Array;
  readonly #ring: RingReader;
  readonly #leftOutBefore: number;

  constructor(director: Director, { client, service }: TraceFilter) {
    const { maps } = director.kernel;
    this.#director = director;
    this.#memory = maps[".bss.tracing"].mmap();
    try {
      this.#ring = new RingReader(maps.events);
    } catch (error) {
      this.#memory.unmap();
      throw error;
    }
    this.#cells = new Uint32Array(this.#memory.buffer, 0, TRACING.BYTES / 4);
    this.#set(TRACING.UNTIL, 0);
    // What the trace before left unread is not of this one.
    while (this.#ring.read(1024).length > 0);
    this.#leftOutBefore = this.#get(TRACING.LEFT_OUT);
    if (client) new Uint8Array(this.#memory.buffer).set(client, TRACING.CLIENT);
    this.#set(TRACING.SERVICE, service ?? 0);
    const byClient = client ? TRACE_FLAG.CLIENT : 0;
    this.#set(TRACING.FLAGS, byClient | (service === undefined ? 0 : TRACE_FLAG.SERVICE));
  }

  #get(offset: number): number {
    return Atomics.load(this.#cells, offset >> 2);
  }

  #set(offset: number, value: number): void {
    Atomics.store(this.#cells, offset >> 2, value);
  }

  /** Goes on for so long from now. */
  renew(ms: number): void {
    this.#set(TRACING.UNTIL, (kernelTicks() + ticksOf(ms)) >>> 0 || 1);
  }

  /** What was told since. `wallMs`: now. */
  read(most: number, wallMs: number): TraceEvent[] {
    const records = this.#ring.read(most);
    if (records.length === 0) return [];
    const now = kernelNs();
    const { services, servers } = endpointsOf(this.#director);
    return records.map((record): TraceEvent => {
      const { ns, service, destination, ...event } = readEvent(record);
      const server = servers.get(destination);
      return {
        at: wallMs - Number(now - ns) / 1e6,
        ...event,
        service: services.get(service) ?? "",
        server: server?.name ?? "",
        serverAddress: server?.address ?? "",
      };
    });
  }

  /** Packets that should have been told of and were too many. */
  get leftOut(): number {
    return (this.#get(TRACING.LEFT_OUT) - this.#leftOutBefore) >>> 0;
  }

  close(): void {
    this.#set(TRACING.UNTIL, 0);
    this.#ring.close();
    this.#memory.unmap();
  }
}
