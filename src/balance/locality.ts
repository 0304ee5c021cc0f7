// @hot
import { WEIGHT_SCALE } from "#plan/board.ts";
import { Blind } from "./blind.ts";
import type { Pool, Scheduler } from "./scheduler.ts";
import { walkWlc } from "./schedulers/wlc.ts";

/**
 * Base of the schedulers that keep a key with the servers that have served it. A key is remembered
 * under `key`, in the bucket of `value`: of a request both are its key, of a packet `value` is its
 * folded destination.
 */
export abstract class Locality extends Blind implements Scheduler {
  protected readonly pool: Pool;

  constructor(pool: Pool) {
    super();
    this.pool = pool;
  }

  abstract changed(): void;

  /** A server for a key: a position, FULL or NONE. */
  abstract choose(value: number, key: number, nowMs: number): number;

  pick(key: number, nowMs: number): number {
    return key < 0 ? walkWlc(this.pool) : this.choose(key, key, nowMs);
  }
}

/** A server has more at work than its weight says while another has less than half of it. */
export function isOutweighed(pool: Pool, position: number): boolean {
  if (pool.load(position) * WEIGHT_SCALE <= pool.weight[position]!) return false;
  for (let other = 0; other < pool.count; other++) {
    if (pool.load(other) * 2 * WEIGHT_SCALE < pool.weight[other]!) return true;
  }
  return false;
}
