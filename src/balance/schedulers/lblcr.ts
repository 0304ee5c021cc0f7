// @hot
import { PACKET_MEMORY_MS, PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { Carry, destinations, isInPlace } from "../carry.ts";
import { chosenKey, createKeyField } from "../key.ts";
import { isOutweighed, Locality } from "../locality.ts";
import { LocalityMemory } from "../locality-memory.ts";
import { unfitForDestination } from "../packet-tables.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { ServerSets } from "../server-sets.ts";
import { walkWlc } from "./wlc.ts";

/**
 * A set of servers for each key, which gets another, chosen as by wlc, when its least loaded one is
 * outweighed. A set of several that has not changed for a day loses the most loaded one.
 */
class Lblcr extends Locality {
  readonly #memory = new LocalityMemory();
  readonly #sets: ServerSets;
  readonly #carry: Carry;
  #count: number;

  constructor(pool: Pool) {
    super(pool);
    this.#sets = new ServerSets(pool);
    this.#carry = new Carry(pool);
    this.#count = this.#carry.origins().length;
  }

  changed(): void {
    const moved = destinations(this.#carry.origins(), this.#count);
    this.#count = this.pool.count;
    if (!isInPlace(moved)) this.#sets.move(moved);
  }

  choose(value: number, key: number, nowMs: number): number {
    const sets = this.#sets;
    let row = this.#memory.find(value, key, nowMs);
    if (row >= 0) {
      const known = sets.least(row);
      if (sets.size(row) > 1 && sets.msUnchanged(row, nowMs) > PACKET_MEMORY_MS) {
        sets.dropMost(row, nowMs);
      }
      if (known >= 0 && !isOutweighed(this.pool, known)) return known;
    }
    const position = walkWlc(this.pool);
    if (position < 0) return position;
    if (row < 0) {
      row = this.#memory.insert(value, key, nowMs);
      sets.clear(row);
    }
    sets.add(row, position, nowMs);
    return position;
  }
}

export const createLblcr = (pool: Pool): Locality => new Lblcr(pool);

export const lblcr = scheduler({
  name: "lblcr",
  summary:
    "LVS's lblc with replication: a path, or a packet's destination address, gets another server when those it has are overloaded",
  options: { key: createKeyField("uri") },
  weights: () => "live",
  key: (options) => chosenKey(options.key),
  keyBasis: "history",
  create: createLblcr,
  packets: (options) =>
    unfitForDestination(chosenKey(options.key)) ?? { kind: "walk", program: PACKET_PROGRAM.LBLCR },
});
