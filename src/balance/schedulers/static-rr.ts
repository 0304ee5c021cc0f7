import type { Eligible } from "../eligible.ts";
import { packetTurns } from "../packet-tables.ts";
import { scheduler } from "../scheduler.ts";
import { createTurnWalk, type TurnTable } from "../turn-walk.ts";
import { spreadTurns, WeightMap } from "../weight-map.ts";

/**
 * Every server as often as its weight says. A server that comes back is in the table at once, and a
 * change of weight counts only then.
 */
class StaticTurns implements TurnTable {
  readonly #map = new WeightMap();
  owner = new Uint16Array(0);

  build(eligible: Eligible, next: number): number {
    this.#map.build(eligible);
    this.owner = this.#map.owner;
    return next % Math.max(1, this.owner.length);
  }
}

export const staticRoundRobin = scheduler({
  name: "static-rr",
  summary: "round robin over a fixed table: cheapest, without slow start",
  options: {},
  weights: () => "static",
  create: (pool, _options, seed) => createTurnWalk(pool, new StaticTurns(), seed),
  packets: () => packetTurns(spreadTurns),
});
