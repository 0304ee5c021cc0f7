import { int } from "#schema/index.ts";
import { balanceFactorField } from "../hash-options.ts";
import { chosenKey, keyField } from "../key.ts";
import { createKeyed } from "../keyed.ts";
import { MaglevTable, primeFrom } from "../maglev-table.ts";
import { keyTable, packetSource, unfitForPackets } from "../packet-tables.ts";
import { scheduler } from "../scheduler.ts";

export const maglev = scheduler({
  name: "maglev",
  summary: "Maglev hashing: even shares, few keys move, every balancer picks the same server",
  options: {
    key: keyField,
    tableSize: int({
      min: 251,
      max: 131_071,
      fallback: 16_381,
      help: "slots of the lookup table, raised to a prime; at least 100 a server",
    }),
    balanceFactor: balanceFactorField(0),
  },
  weights: () => "live",
  key: (options) => chosenKey(options.key),
  create: (pool, options, seed) =>
    createKeyed(pool, new MaglevTable(primeFrom(options.tableSize)), options.balanceFactor, seed),
  packets: ({ key, tableSize, balanceFactor }) =>
    unfitForPackets(chosenKey(key), balanceFactor) ??
    packetSource((servers) => keyTable(servers, new MaglevTable(primeFrom(tableSize)))),
});
