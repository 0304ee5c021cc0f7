import type { Eligible } from "../eligible.ts";
import { packetTurns } from "../packet-tables.ts";
import { scheduler } from "../scheduler.ts";
import { createTurnWalk, type TurnTable } from "../turn-walk.ts";

/** Every eligible server once, in configuration order. Changes do not disturb whose turn it is. */
class Plain implements TurnTable {
  #identity: number[] = [];
  owner = new Uint16Array(0);

  build(eligible: Eligible, next: number): number {
    const before = this.#identity;
    const count = eligible.count;
    this.owner = Uint16Array.from(eligible.position.subarray(0, count));
    this.#identity = [...eligible.identity.subarray(0, count)];
    if (before.length === 0) return next % Math.max(1, count);
    for (let looked = 0; looked < before.length; looked++) {
      const index = this.#identity.indexOf(before[(next + looked) % before.length]!);
      if (index >= 0) return index;
    }
    return 0;
  }
}

export const rr = scheduler({
  name: "rr",
  summary: "LVS's round robin: every server in turn, whatever its weight",
  options: {},
  weights: () => "ignored",
  create: (pool, _options, seed) => createTurnWalk(pool, new Plain(), seed),
  packets: () => packetTurns((weights) => weights.keys()),
});
