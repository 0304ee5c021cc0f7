import type { Eligible } from "./eligible.ts";

/**
 * How keys are laid over servers: a row of slots, each owned by one server. A key falls on a slot;
 * who may not take it passes it on to the owner of the next slot.
 */
export interface KeyTable {
  /** Slots; 0 while no server is eligible. */
  readonly size: number;
  /** Position in the pool of each slot's owner. */
  readonly owner: Uint16Array;
  /** The slot of a key. There must be one. */
  slotOf(key: number): number;
  /** Lays the table anew. May allocate. */
  build(eligible: Eligible): void;
}

/**
 * Indices of the eligible servers in order of identity: what is built in this order is the same in
 * every thread and on every balancer, however their configurations list the servers.
 */
export function byIdentity(eligible: Eligible): number[] {
  const order = Array.from({ length: eligible.count }, (_, i) => i);
  return order.sort((a, b) => eligible.identity[a]! - eligible.identity[b]! || a - b);
}
