import { PacketPool } from "../packet-pool.ts";
import { packetTurns } from "../packet-tables.ts";
import { Rotation } from "../rotation.ts";
import { scheduler } from "../scheduler.ts";

/** One period of the rotation. */
function rotationTurns(weights: readonly number[]): number[] {
  const pool = new PacketPool(weights.map((weight, identity) => ({ weight, identity })));
  const rotation = new Rotation(pool, 0);
  const period = weights.reduce((sum, weight) => sum + weight, 0);
  return Array.from({ length: period }, () => rotation.pick());
}

export const roundrobin = scheduler({
  name: "roundrobin",
  summary: "servers in turn, as often as their weight says, turns spread evenly",
  options: {},
  weights: () => "live",
  create: (pool, _options, seed) => new Rotation(pool, seed),
  packets: () => packetTurns(rotationTurns),
});
