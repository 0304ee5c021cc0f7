import { latin1 } from "#base/bytes.ts";
import { isMapped } from "#base/ip.ts";
import { ADDRESS_KEY, FLOW, SOURCE } from "#plan/director-layout.ts";
import type { Kernel } from "./kernel.ts";
import { textOf } from "./text-key.ts";

/** Bytes of an IPv6 address that say which client it is: within a /64 it may have any. */
const CLIENT_BYTES = 8;

/** Key of `sources`: the client of a flow, and the service it came to; source_key() in C. */
function sourceKey(flow: Uint8Array, service: number): Uint8Array {
  const key = new Uint8Array(ADDRESS_KEY.BYTES);
  const source = flow.subarray(FLOW.SOURCE, FLOW.SOURCE + 16);
  const client = isMapped(source) ? source : source.subarray(0, CLIENT_BYTES);
  key.set(client, ADDRESS_KEY.ADDRESS);
  new DataView(key.buffer).setUint32(ADDRESS_KEY.SERVICE, service, true);
  return key;
}

function sourceValue(connections: number, changed: number): Uint8Array {
  const value = new Uint8Array(SOURCE.BYTES);
  const view = new DataView(value.buffer);
  view.setInt32(SOURCE.CONNECTIONS, connections, true);
  view.setUint32(SOURCE.CHANGED, changed, true);
  return value;
}

/**
 * Connections of clients, where services limit them. The kernel counts, and we subtract what we
 * throw out; what an LRU threw out is found by counting anew. Nothing here is done at once with
 * what the kernel does: a count may be off by one until it is taken anew.
 */
export class SourceCounts {
  readonly #map: Kernel["maps"]["sources"];
  /** Of the count that goes on: connections by key, and the tick it began at. */
  #found: Map<string, number> | undefined;
  #since = 0;

  constructor({ maps }: Pick<Kernel, "maps">) {
    this.#map = maps.sources;
  }

  /** A connection of the flow's client is there. */
  increase(flow: Uint8Array, service: number, now: number): void {
    const key = sourceKey(flow, service);
    const value = this.#map.lookup(key);
    const before = value ? new DataView(value.buffer).getInt32(SOURCE.CONNECTIONS, true) : 0;
    this.#map.update(key, sourceValue(before + 1, now));
  }

  /** A connection of the flow's client is no more. */
  subtract(flow: Uint8Array, service: number, now: number): void {
    const key = sourceKey(flow, service);
    const value = this.#map.lookup(key);
    if (!value) return;
    const view = new DataView(value.buffer, value.byteOffset);
    const left = view.getInt32(SOURCE.CONNECTIONS, true) - 1;
    if (left > 0) this.#map.update(key, sourceValue(left, now));
    else this.#map.delete(key);
  }

  get isCounting(): boolean {
    return this.#found !== undefined;
  }

  begin(now: number): void {
    this.#found = new Map();
    this.#since = now;
  }

  add(flow: Uint8Array, service: number): void {
    const text = textOf(sourceKey(flow, service));
    this.#found!.set(text, (this.#found!.get(text) ?? 0) + 1);
  }

  /** Puts right what did not change since the count began; the rest has its turn another time. */
  settle(): void {
    const found = this.#found ?? new Map<string, number>();
    const wrong: [key: Uint8Array, connections: number][] = [];
    for (const { keys, values, count } of this.#map.batches()) {
      const view = new DataView(values.buffer, values.byteOffset);
      for (let i = 0; i < count; i++) {
        const key = keys.slice(i * ADDRESS_KEY.BYTES, (i + 1) * ADDRESS_KEY.BYTES);
        const at = i * SOURCE.BYTES;
        const connections = found.get(textOf(key)) ?? 0;
        found.delete(textOf(key));
        const changed = view.getUint32(at + SOURCE.CHANGED, true);
        if (((changed - this.#since) | 0) >= 0) continue;
        if (view.getInt32(at + SOURCE.CONNECTIONS, true) !== connections) {
          wrong.push([key, connections]);
        }
      }
    }
    for (const [key, connections] of wrong) {
      if (connections === 0) this.#map.delete(key);
      else this.#map.update(key, sourceValue(connections, this.#since));
    }
    // Those that are not there: an LRU threw them out.
    for (const [text, connections] of found) {
      this.#map.update(latin1(text), sourceValue(connections, this.#since));
    }
    this.#found = undefined;
  }
}
