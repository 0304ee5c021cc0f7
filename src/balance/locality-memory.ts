// @hot
import { PACKET_MEMORY, PACKET_MEMORY_MS } from "#plan/packet-schedule.ts";
import { goldenHash } from "./packet-hash.ts";

const { BUCKETS, WAYS } = PACKET_MEMORY;
const BUCKET_BITS = Math.log2(BUCKETS);

/** Rows of a memory. */
export const MEMORY_ROWS = BUCKETS * WAYS;

/**
 * A bounded memory of keys: a row for each, in one of the WAYS of its bucket. A row that is unused
 * for a day is forgotten. In a full bucket a new key takes the place of the one that was used
 * longest ago; IPVS lets the table grow instead, and clears what was idle for 6 minutes. Times are
 * int32 milliseconds that may wrap.
 */
export class LocalityMemory {
  readonly #key = new Int32Array(MEMORY_ROWS);
  readonly #usedMs = new Int32Array(MEMORY_ROWS);
  readonly #taken = new Uint8Array(MEMORY_ROWS);

  /** The row of a key, now used; -1 when it is not known. `value` decides the bucket. */
  find(value: number, key: number, nowMs: number): number {
    const start = goldenHash(value, BUCKET_BITS) * WAYS;
    for (let row = start; row < start + WAYS; row++) {
      if (this.#taken[row] === 0 || this.#key[row] !== key) continue;
      if (this.#idle(row, nowMs) >= PACKET_MEMORY_MS) return -1;
      this.#usedMs[row] = nowMs;
      return row;
    }
    return -1;
  }

  /** A row for a key that was not found; whatever was known of it before is void. */
  insert(value: number, key: number, nowMs: number): number {
    const start = goldenHash(value, BUCKET_BITS) * WAYS;
    let row = start;
    let longest = -1;
    for (let at = start; at < start + WAYS; at++) {
      if (this.#taken[at] === 0 || this.#key[at] === key) {
        row = at;
        break;
      }
      const idle = this.#idle(at, nowMs);
      if (idle <= longest) continue;
      longest = idle;
      row = at;
    }
    this.#key[row] = key;
    this.#usedMs[row] = nowMs;
    this.#taken[row] = 1;
    return row;
  }

  #idle(row: number, nowMs: number): number {
    return msSince(this.#usedMs[row]!, nowMs);
  }
}

/** Milliseconds since then; a time that seems to come is one long past. */
export function msSince(thenMs: number, nowMs: number): number {
  const ms = (nowMs - thenMs) | 0;
  return ms < 0 ? 0x7fffffff : ms;
}
