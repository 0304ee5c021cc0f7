// @hot
import type { Pool } from "#balance/scheduler.ts";
import { BACKEND, type Board, SERVER } from "#plan/board.ts";

/**
 * A backend's servers as its scheduler sees them: positions to Board slots, weights as last read.
 */
export class BoardPool implements Pool {
  readonly count: number;
  readonly weight: Int32Array;
  readonly identity: Int32Array;
  /** Word offset of each server's row on the Board. */
  readonly rows: Int32Array;
  /** Position that this pick is to pass over (the server that just failed), or -1. */
  avoid = -1;
  readonly #cells: Int32Array;
  readonly #backends: Int32Array;
  readonly #row: number;
  /** Requests begun on each server in this second and the one before, as this thread saw them. */
  readonly #now: Int32Array;
  readonly #before: Int32Array;
  #second = 0;

  constructor(board: Board, backendSlot: number, slots: readonly number[], identity: Int32Array) {
    this.count = slots.length;
    this.#cells = board.servers;
    this.#backends = board.backends;
    this.#row = backendSlot * BACKEND.size;
    this.rows = new Int32Array(slots.length);
    for (let i = 0; i < slots.length; i++) this.rows[i] = slots[i]! * SERVER.size;
    this.weight = new Int32Array(slots.length);
    this.identity = identity;
    this.#now = new Int32Array(slots.length);
    this.#before = new Int32Array(slots.length);
    this.refresh();
  }

  /** Reads the weights from the Board. True when any changed. */
  refresh(): boolean {
    let changed = false;
    for (let i = 0; i < this.count; i++) {
      const weight = this.#cells[this.rows[i]! + SERVER.EFFECTIVE]!;
      if (weight !== this.weight[i]) changed = true;
      this.weight[i] = weight;
    }
    return changed;
  }

  load(position: number): number {
    const row = this.rows[position]!;
    return this.#cells[row + SERVER.ACTIVE]! + this.#cells[row + SERVER.QUEUED]!;
  }

  total(): number {
    return (
      this.#backends[this.#row + BACKEND.ACTIVE]! + this.#backends[this.#row + BACKEND.QUEUED]!
    );
  }

  full(position: number): boolean {
    if (position === this.avoid) return true;
    const row = this.rows[position]!;
    const limit = this.#cells[row + SERVER.MAX_CONNECTIONS]!;
    return limit > 0 && this.#cells[row + SERVER.ACTIVE]! >= limit;
  }

  rate(position: number): number {
    return this.#now[position]! + this.#before[position]!;
  }

  /** Counts a request begun on the server. */
  begun(position: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.#second) {
      if (second === this.#second + 1) this.#before.set(this.#now);
      else this.#before.fill(0);
      this.#now.fill(0);
      this.#second = second;
    }
    this.#now[position]!++;
  }
}
