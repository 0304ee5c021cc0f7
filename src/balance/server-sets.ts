// @hot
import { PACKET_MEMORY } from "#plan/packet-schedule.ts";
import { MEMORY_ROWS, msSince } from "./locality-memory.ts";
import type { Pool } from "./scheduler.ts";
import { isOpen, overhead } from "./walk.ts";

const { SET } = PACKET_MEMORY;

/** A few servers for each row of a memory, by position, in the order they came. */
export class ServerSets {
  readonly #pool: Pool;
  readonly #server = new Uint16Array(MEMORY_ROWS * SET);
  readonly #size = new Uint8Array(MEMORY_ROWS);
  readonly #changedMs = new Int32Array(MEMORY_ROWS);

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  clear(row: number): void {
    this.#size[row] = 0;
  }

  size(row: number): number {
    return this.#size[row]!;
  }

  msUnchanged(row: number, nowMs: number): number {
    return msSince(this.#changedMs[row]!, nowMs);
  }

  /** Nothing happens when the server is in the set, or the set is full. */
  add(row: number, position: number, nowMs: number): void {
    const start = row * SET;
    const end = start + this.#size[row]!;
    for (let at = start; at < end; at++) if (this.#server[at] === position) return;
    if (end === start + SET) return;
    this.#server[end] = position;
    this.#size[row]!++;
    this.#changedMs[row] = nowMs;
  }

  /** The open server with least overhead for its weight, of equals the newest; -1 = none. */
  least(row: number): number {
    const pool = this.#pool;
    let best = -1;
    for (let at = row * SET + this.#size[row]! - 1; at >= row * SET; at--) {
      const position = this.#server[at]!;
      if (!isOpen(pool, position)) continue;
      if (best < 0 || isHeavier(pool, best, position)) best = position;
    }
    return best;
  }

  /** Takes out the server with most overhead for its weight, of equals the newest. */
  dropMost(row: number, nowMs: number): void {
    const pool = this.#pool;
    let most = -1;
    for (let at = row * SET + this.#size[row]! - 1; at >= row * SET; at--) {
      const position = this.#server[at]!;
      if (pool.weight[position]! <= 0) continue;
      if (most < 0 || isHeavier(pool, position, this.#server[most]!)) most = at;
    }
    if (most < 0) return;
    this.#takeOut(row, most);
    this.#changedMs[row] = nowMs;
  }

  /** Servers stand elsewhere now: `moved` has each one's new position, or -1. */
  move(moved: Int32Array): void {
    for (let row = 0; row < MEMORY_ROWS; row++) {
      for (let at = row * SET + this.#size[row]! - 1; at >= row * SET; at--) {
        const to = moved[this.#server[at]!]!;
        if (to < 0) this.#takeOut(row, at);
        else this.#server[at] = to;
      }
    }
  }

  #takeOut(row: number, at: number): void {
    const end = row * SET + this.#size[row]!;
    this.#server.copyWithin(at, at + 1, end);
    this.#size[row]!--;
  }
}

/** `a` has more overhead for its weight than `b`. */
function isHeavier(pool: Pool, a: number, b: number): boolean {
  return overhead(pool, a) * pool.weight[b]! > overhead(pool, b) * pool.weight[a]!;
}
