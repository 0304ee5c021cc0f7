import { PACKET_HASH } from "#plan/packet-schedule.ts";
import { type BucketTable, createBucketed } from "../bucketed.ts";
import { dhTable } from "../ipvs-tables.ts";
import { chosenKey, createKeyField } from "../key.ts";
import { packetHash, unfitForDestination } from "../packet-tables.ts";
import { type Pool, scheduler } from "../scheduler.ts";

class DestinationBuckets implements BucketTable {
  owner = new Uint16Array(0);

  build(pool: Pool): void {
    this.owner = dhTable(pool.count);
  }
}

export const dh = scheduler({
  name: "dh",
  summary:
    "LVS's destination hashing, for caches: 256 buckets dealt out evenly in configuration order; what is asked for decides: the path of a request, the destination address of a packet",
  options: { key: createKeyField("uri") },
  weights: () => "ignored",
  key: (options) => chosenKey(options.key),
  keyBasis: "order",
  create: (pool, _options, seed) =>
    createBucketed(pool, PACKET_HASH.IPVS_DH, new DestinationBuckets(), false, seed),
  packets: (options) =>
    unfitForDestination(chosenKey(options.key)) ??
    packetHash(PACKET_HASH.IPVS_DH, false, (servers) => dhTable(servers.length)),
});
