import { alignPage, type Mapping, mapReadOnly, mapShared } from "../memory.ts";
import type { BpfMap } from "./map.ts";

/*
 * A ring of records that programs write and one reader reads (Documentation/bpf/ringbuf.rst of the
 * Linux kernel). Shared memory, in pages:
 *
 *     consumer position | producer position | data | the same data once more
 *
 * Positions only grow. A record is a header of 8 bytes and its bytes, rounded up to 8; thanks to
 * the second view of the data none is ever cut in two.
 */

const PAGE_BYTES = alignPage(1);
const HEADER_BYTES = 8;
/** Bits of a header's first word, whose rest is the record's length. */
const BUSY = 2 ** 31;
const DISCARDED = 2 ** 30;

/** The reader of a map of type RINGBUF; there must be no other. */
export class RingReader {
  readonly #consumerPage: Mapping;
  readonly #rest: Mapping;
  readonly #consumer: BigInt64Array;
  readonly #producer: BigInt64Array;
  readonly #headers: Uint32Array;
  readonly #bytes: Uint8Array;
  readonly #mask: number;

  constructor(map: BpfMap) {
    const size = map.maxEntries;
    this.#consumerPage = mapShared(map.fd, PAGE_BYTES);
    try {
      this.#rest = mapReadOnly(map.fd, PAGE_BYTES + 2 * size, PAGE_BYTES);
    } catch (error) {
      this.#consumerPage.unmap();
      throw error;
    }
    this.#mask = size - 1;
    this.#consumer = new BigInt64Array(this.#consumerPage.buffer, 0, 1);
    this.#producer = new BigInt64Array(this.#rest.buffer, 0, 1);
    this.#headers = new Uint32Array(this.#rest.buffer, PAGE_BYTES);
    this.#bytes = new Uint8Array(this.#rest.buffer, PAGE_BYTES);
  }

  /** Copies of what is there, `most` at most; what a program has not finished waits. */
  read(most: number): Uint8Array[] {
    const found: Uint8Array[] = [];
    const end = Atomics.load(this.#producer, 0);
    let position = Atomics.load(this.#consumer, 0);
    while (position < end && found.length < most) {
      const at = Number(position & BigInt(this.#mask));
      const header = Atomics.load(this.#headers, at / 4);
      if (header >= BUSY) break;
      const length = header % DISCARDED;
      const from = at + HEADER_BYTES;
      if (header < DISCARDED) found.push(this.#bytes.slice(from, from + length));
      position += BigInt(HEADER_BYTES + Math.ceil(length / 8) * 8);
      Atomics.store(this.#consumer, 0, position);
    }
    return found;
  }

  close(): void {
    this.#consumerPage.unmap();
    this.#rest.unmap();
  }
}
