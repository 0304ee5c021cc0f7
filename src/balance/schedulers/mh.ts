import { PACKET_HASH } from "#plan/packet-schedule.ts";
import { int, refine } from "#schema/index.ts";
import { type BucketTable, createBucketed } from "../bucketed.ts";
import { Carry, carried } from "../carry.ts";
import { fallbackField, portField } from "../hash-options.ts";
import { MH_SIZES, mhTable } from "../ipvs-tables.ts";
import { keySpec } from "../key.ts";
import { foldAddress } from "../packet-hash.ts";
import type { PacketServer } from "../packet-schedule.ts";
import { packetHash } from "../packet-tables.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { wholeWeight } from "../whole-weights.ts";

/** What a server is known by is its identity here, where packets take its address and port. */
class MaglevBuckets implements BucketTable {
  readonly #size: number;
  readonly #carry: Carry;
  #lastWeight = new Float64Array(0);
  #built = "";
  owner = new Uint16Array(0);

  constructor(pool: Pool, size: number) {
    this.#size = size;
    this.#carry = new Carry(pool);
  }

  build(pool: Pool): void {
    const before = carried(this.#lastWeight, this.#carry.origins(), () => 0);
    this.#lastWeight = before.map((last, i) => wholeWeight(pool.weight[i]!) || last);
    const identity = [...pool.identity.subarray(0, pool.count)];
    const weights = [...this.#lastWeight];
    const wanted = `${identity}/${weights}`;
    if (wanted === this.#built) return;
    this.#built = wanted;
    this.owner = mhTable(identity, weights, this.#size);
  }
}

const packetValue = ({ address, port }: PacketServer): number => foldAddress(address) + port;

const sizes = MH_SIZES.join(", ");

export const mh = scheduler({
  name: "mh",
  summary:
    "LVS's Maglev hashing: the client's address decides; servers keep their keys while their weight is 0",
  options: {
    tableSize: refine(
      int({ max: MH_SIZES.at(-1)!, fallback: 4093, help: `slots of the table: one of ${sizes}` }),
      (value) => (MH_SIZES.includes(value) ? undefined : `one of ${sizes}`),
      `one of ${sizes}`,
    ),
    port: portField,
    fallback: fallbackField,
  },
  weights: () => "live",
  key: () => keySpec("source"),
  keyBasis: "order",
  create: (pool, { tableSize, fallback }, seed) => {
    const table = new MaglevBuckets(pool, tableSize);
    return createBucketed(pool, PACKET_HASH.IPVS_MH, table, fallback, seed);
  },
  packets: ({ tableSize, port, fallback }) =>
    packetHash(port ? PACKET_HASH.IPVS_MH_PORT : PACKET_HASH.IPVS_MH, fallback, (servers) =>
      mhTable(
        servers.map(packetValue),
        servers.map((server) => server.lastWeight),
        tableSize,
      ),
    ),
});
