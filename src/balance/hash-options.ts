import { bool, type InferFields, int, oneOf, refine } from "#schema/index.ts";
import { keySpec } from "./key.ts";
import { createKeyed } from "./keyed.ts";
import type { PacketSchedule } from "./packet-schedule.ts";
import { arcTable, packetSource, turnTable, unfitForPackets } from "./packet-tables.ts";
import { RING_MOST, RingTable } from "./ring-table.ts";
import type { Pool, Scheduler, WeightUse } from "./scheduler.ts";
import { spreadTurns, WeightMap } from "./weight-map.ts";

/** Points on the ring for one unit of weight: shares come out even within some 9 % (1/√128). */
const POINTS = 128;

/** The most that is sent to one server, in percent of its fair share; `fallback` 0 = no bound. */
export const balanceFactorField = (fallback: number) =>
  refine(
    int({
      max: 10_000,
      fallback,
      help: "most requests in flight on one server, in percent of its fair share; beyond it a key goes to the next server; 125 to 200 are reasonable, 0 = no limit",
    }),
    (value) => (value === 0 || value > 100 ? undefined : "0, or a percentage above 100"),
    "0, or a percentage above 100",
  );

export const pointsField = int({
  min: 1,
  max: RING_MOST,
  fallback: POINTS,
  help: "points on the ring for one unit of weight: more are more even and cost memory",
});

export const portField = bool({
  fallback: false,
  help: "the client's port counts too; at layer 4 only",
});

export const fallbackField = bool({
  fallback: false,
  help: "a client whose server is full goes to another; else requests wait, and connections at layer 4 are refused, also while its weight is 0",
});

/** What every scheduler that hashes a part of the request takes. */
export const hashFields = {
  hashType: oneOf(["map", "consistent"], {
    fallback: "map",
    help: "map: exact shares, most keys move when a server comes or goes; consistent: only that server's keys move",
  }),
  balanceFactor: balanceFactorField(0),
};

type HashOptions = InferFields<typeof hashFields>;

export const hashWeights = (options: HashOptions): WeightUse =>
  options.hashType === "map" ? "static" : "live";

export function createHashed(pool: Pool, options: HashOptions, seed: number): Scheduler {
  const table = options.hashType === "map" ? new WeightMap() : new RingTable(POINTS);
  return createKeyed(pool, table, options.balanceFactor, seed);
}

/** For the scheduler that hashes the source address. */
export function hashedPackets(options: HashOptions): PacketSchedule | string {
  const unfit = unfitForPackets(keySpec("source"), options.balanceFactor);
  if (unfit !== undefined) return unfit;
  return options.hashType === "map"
    ? packetSource((servers) => turnTable(servers, spreadTurns))
    : packetSource((servers) => arcTable(servers, new RingTable(POINTS)));
}
