import { mix32 } from "#base/hash.ts";
import type { Eligible } from "./eligible.ts";
import { byIdentity, type KeyTable } from "./key-table.ts";

/** Marks a slot that nobody has claimed; a pool is smaller than this. */
const NOBODY = 0xffff;

/** The smallest prime that is at least `least`. */
export function primeFrom(least: number): number {
  for (let n = Math.max(2, least); ; n++) {
    let prime = true;
    for (let d = 2; prime && d * d <= n; d++) prime = n % d !== 0;
    if (prime) return n;
  }
}

/**
 * Maglev's lookup table (Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load
 * Balancer", NSDI 2016, §3.4): servers take turns to claim the next free slot of their own
 * permutation of the table. `size` is prime, so that offset + n·skip visits every slot. Weights:
 * each round a server earns weight / heaviest of a turn and claims a slot when it has a whole one.
 *
 * Returns the index of each slot's owner in `identity`; the order of `identity` breaks ties.
 */
export function maglevTable(
  identity: readonly number[],
  weight: readonly number[],
  size: number,
): Uint16Array<ArrayBuffer> {
  const owner = new Uint16Array(size).fill(NOBODY);
  if (identity.length === 0) return owner;
  const heaviest = Math.max(...weight);
  const slot = identity.map((id) => mix32(id) % size);
  const skip = identity.map((id) => (mix32(mix32(id) + 1) % (size - 1)) + 1);
  const earned = weight.map(() => 0);
  for (let filled = 0; ; ) {
    for (let i = 0; i < identity.length; i++) {
      earned[i]! += weight[i]!;
      if (earned[i]! < heaviest) continue;
      earned[i]! -= heaviest;
      let at = slot[i]!;
      while (owner[at] !== NOBODY) {
        at += skip[i]!;
        if (at >= size) at -= size;
      }
      owner[at] = i;
      slot[i] = at;
      if (++filled === size) return owner;
    }
  }
}

/**
 * Maglev hashing over a pool: near-exact shares, and few keys of other servers move with a change.
 */
export class MaglevTable implements KeyTable {
  readonly #slots: number;
  size = 0;
  owner = new Uint16Array(0);

  constructor(slots: number) {
    this.#slots = slots;
  }

  slotOf(key: number): number {
    return key % this.size;
  }

  build(eligible: Eligible): void {
    const order = byIdentity(eligible);
    this.size = order.length === 0 ? 0 : this.#slots;
    const table = maglevTable(
      order.map((i) => eligible.identity[i]!),
      order.map((i) => eligible.weight[i]!),
      this.size,
    );
    this.owner = table.map((rank) => eligible.position[order[rank]!]!);
  }
}
