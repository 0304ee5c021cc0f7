import { Rotation } from "../rotation.ts";
import { scheduler } from "../scheduler.ts";

export const roundrobin = scheduler({
  name: "roundrobin",
  summary: "servers in turn, as often as their weight says, turns spread evenly",
  options: {},
  weights: () => "live",
  create: (pool, _options, seed) => new Rotation(pool, seed),
});
