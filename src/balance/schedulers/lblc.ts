// @hot
import { PACKET_NOBODY, PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { Carry, destinations, isInPlace } from "../carry.ts";
import { chosenKey, createKeyField } from "../key.ts";
import { isOutweighed, Locality } from "../locality.ts";
import { LocalityMemory, MEMORY_ROWS } from "../locality-memory.ts";
import { unfitForDestination } from "../packet-tables.ts";
import { type Pool, scheduler } from "../scheduler.ts";
import { isOpen } from "../walk.ts";
import { walkWlc } from "./wlc.ts";

/** One server for each key, until it takes nothing more or is outweighed; then as wlc. */
class Lblc extends Locality {
  readonly #memory = new LocalityMemory();
  readonly #server = new Uint16Array(MEMORY_ROWS);
  readonly #carry: Carry;
  #count: number;

  constructor(pool: Pool) {
    super(pool);
    this.#carry = new Carry(pool);
    this.#count = this.#carry.origins().length;
  }

  changed(): void {
    const moved = destinations(this.#carry.origins(), this.#count);
    this.#count = this.pool.count;
    if (isInPlace(moved)) return;
    for (let row = 0; row < MEMORY_ROWS; row++) {
      const to = moved[this.#server[row]!] ?? -1;
      this.#server[row] = to < 0 ? PACKET_NOBODY : to;
    }
  }

  choose(value: number, key: number, nowMs: number): number {
    const pool = this.pool;
    const row = this.#memory.find(value, key, nowMs);
    if (row >= 0) {
      const known = this.#server[row]!;
      if (known < pool.count && isOpen(pool, known) && !isOutweighed(pool, known)) return known;
    }
    const position = walkWlc(pool);
    if (position < 0) return position;
    this.#server[row < 0 ? this.#memory.insert(value, key, nowMs) : row] = position;
    return position;
  }
}

export const createLblc = (pool: Pool): Locality => new Lblc(pool);

export const lblc = scheduler({
  name: "lblc",
  summary:
    "LVS's locality-based least-connection, for caches: what is asked for stays with a server while that is not overloaded; a new path, or a packet's destination address, goes as wlc",
  options: { key: createKeyField("uri") },
  weights: () => "live",
  key: (options) => chosenKey(options.key),
  keyBasis: "history",
  create: createLblc,
  packets: (options) =>
    unfitForDestination(chosenKey(options.key)) ?? { kind: "walk", program: PACKET_PROGRAM.LBLC },
});
