import { balanceFactorField, pointsField } from "../hash-options.ts";
import { chosenKey, keyField } from "../key.ts";
import { createKeyed } from "../keyed.ts";
import { arcTable, packetSource, unfitForPackets } from "../packet-tables.ts";
import { RingTable } from "../ring-table.ts";
import { scheduler } from "../scheduler.ts";

export const ring = scheduler({
  name: "ring",
  summary: "consistent ring with bounded load: a key's server changes only when it must",
  options: { key: keyField, balanceFactor: balanceFactorField(150), points: pointsField },
  weights: () => "live",
  key: (options) => chosenKey(options.key),
  create: (pool, options, seed) =>
    createKeyed(pool, new RingTable(options.points), options.balanceFactor, seed),
  packets: ({ key, balanceFactor, points }) =>
    unfitForPackets(chosenKey(key), balanceFactor) ??
    packetSource((servers) => arcTable(servers, new RingTable(points))),
});
