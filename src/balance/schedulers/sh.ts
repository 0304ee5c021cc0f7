import { PACKET_HASH } from "#plan/packet-schedule.ts";
import { type BucketTable, createBucketed } from "../bucketed.ts";
import { fallbackField, portField } from "../hash-options.ts";
import { shTable } from "../ipvs-tables.ts";
import { keySpec } from "../key.ts";
import { packetHash } from "../packet-tables.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { wholeWeight } from "../whole-weights.ts";

class SourceBuckets implements BucketTable {
  owner = new Uint16Array(0);

  build(pool: Pool): void {
    this.owner = shTable([...pool.weight.subarray(0, pool.count)].map(wholeWeight));
  }
}

export const sh = scheduler({
  name: "sh",
  summary:
    "LVS's source hashing: 256 buckets dealt out by weight in configuration order; the client's address decides",
  options: { port: portField, fallback: fallbackField },
  weights: () => "static",
  key: () => keySpec("source"),
  keyBasis: "order",
  create: (pool, options, seed) =>
    createBucketed(pool, PACKET_HASH.IPVS_SH, new SourceBuckets(), options.fallback, seed),
  packets: ({ port, fallback }) =>
    packetHash(port ? PACKET_HASH.IPVS_SH_PORT : PACKET_HASH.IPVS_SH, fallback, (servers) =>
      shTable(servers.map((server) => server.weight)),
    ),
});
