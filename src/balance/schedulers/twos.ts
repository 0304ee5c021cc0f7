// @hot
import { createRandom, type Random } from "#base/clock.ts";
import { mix32 } from "#base/hash.ts";
import { PACKET_PROGRAM } from "#plan/packet-schedule.ts";
import { Blind } from "../blind.ts";
import { type Pool, type Scheduler, scheduler } from "../scheduler.ts";
import { isOpen, nobody, overhead } from "../walk.ts";
import { wholeWeight } from "../whole-weights.ts";

/**
 * The less loaded for its weight of two servers drawn at random by weight, maybe the same one
 * twice. `first` and `second` are random words, taken modulo one more than the sum of the weights;
 * a draw is of the server with which the sum of weights reaches the remainder. So the first server
 * has a share of one unit too much, as in IPVS. `room` has a cell for each server and is written.
 */
export function walkTwos(pool: Pool, first: number, second: number, room: Int32Array): number {
  let total = 0;
  for (let position = 0; position < pool.count; position++) {
    const weight = isOpen(pool, position) ? wholeWeight(pool.weight[position]!) : 0;
    room[position] = weight;
    total += weight;
  }
  if (total === 0) return nobody(pool);
  // Unsigned on both sides, or the compiler divides fractions.
  const numbers = (total + 1) >>> 0;
  const a = drawn(room, (first >>> 0) % numbers);
  const b = drawn(room, (second >>> 0) % numbers);
  return room[b]! * overhead(pool, a) > room[a]! * overhead(pool, b) ? b : a;
}

/** The first server of any weight with which the sum of weights is at least `rest`. */
function drawn(room: Int32Array, rest: number): number {
  let left = rest;
  let position = 0;
  while (left > room[position]! || room[position] === 0) left -= room[position++]!;
  return position;
}

class Twos extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #random: Random;
  #room: Int32Array;

  constructor(pool: Pool, seed: number) {
    super();
    this.#pool = pool;
    this.#random = createRandom(mix32(seed + 1));
    this.#room = createRoom(pool);
  }

  changed(): void {
    this.#room = createRoom(this.#pool);
  }

  pick(): number {
    // As int32, or they would be boxed on their way.
    const first = this.#random.next() | 0;
    return walkTwos(this.#pool, first, this.#random.next() | 0, this.#room);
  }
}

/** What walkTwos writes to. */
export function createRoom(pool: Pool): Int32Array {
  return new Int32Array(pool.count);
}

export const twos = scheduler({
  name: "twos",
  summary: "LVS's power of two choices: the less loaded of two servers drawn at random by weight",
  options: {},
  weights: () => "live",
  create: (pool, _options, seed) => new Twos(pool, seed),
  packets: () => ({ kind: "walk", program: PACKET_PROGRAM.TWOS }),
});
