import { PACKET_NOBODY } from "#plan/packet-schedule.ts";
import { ipvsMh, ipvsMhSkip } from "./packet-hash.ts";
import { commonDivisor } from "./whole-weights.ts";

/** Buckets of sh and dh. */
const BUCKETS = 256;

/** Sizes that IPVS's mh can have: CONFIG_IP_VS_MH_TAB_INDEX 8 to 17. */
export const MH_SIZES = [251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_521, 131_071];

/** CONFIG_IP_VS_MH_TAB_INDEX / 2 of the usual kernel: more bits of weight are not told apart. */
const MH_WEIGHT_BITS = 6;

/**
 * The buckets of IPVS's sh: every server in turn as many of them as its weight says, round and
 * round; one of weight 0 keeps one. Nobody has any after the 256th.
 */
export function shTable(weights: readonly number[]): Uint16Array<ArrayBuffer> {
  const table = new Uint16Array(BUCKETS).fill(PACKET_NOBODY);
  if (weights.length === 0) return table;
  let position = 0;
  let taken = 0;
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    table[bucket] = position;
    if (++taken < weights[position]!) continue;
    taken = 0;
    position = (position + 1) % weights.length;
  }
  return table;
}

/** The buckets of IPVS's dh: every server in turn one, whatever its weight. */
export function dhTable(count: number): Uint16Array<ArrayBuffer> {
  const nobody = count === 0;
  return Uint16Array.from({ length: BUCKETS }, (_, n) => (nobody ? PACKET_NOBODY : n % count));
}

/**
 * The table of IPVS's mh: Maglev's, but that a server takes all turns its weight gives it one after
 * the other. `value` is what is hashed of each server (its address folded, plus its port), `weight`
 * the last one that was not 0: one that takes nothing new keeps its slots.
 */
export function mhTable(
  value: readonly number[],
  weight: readonly number[],
  size: number,
): Uint16Array<ArrayBuffer> {
  const table = new Uint16Array(size).fill(PACKET_NOBODY);
  const divisor = commonDivisor(weight);
  if (divisor === 0) return table;
  const heaviest = Math.max(...weight) / divisor;
  const shift = Math.max(0, 32 - Math.clz32(heaviest) - MH_WEIGHT_BITS);
  const turns = weight.map((w) => (w === 0 ? 0 : Math.max(1, (w / divisor) >> shift)));
  const slot = value.map((v) => ipvsMh(v, size));
  const skip = value.map((v) => ipvsMhSkip(v, size));
  for (let filled = 0; ; ) {
    for (let i = 0; i < value.length; i++) {
      for (let turn = 0; turn < turns[i]!; turn++) {
        let at = slot[i]!;
        while (table[at] !== PACKET_NOBODY) {
          at += skip[i]!;
          if (at >= size) at -= size;
        }
        table[at] = i;
        slot[i] = at;
        if (++filled === size) return table;
      }
    }
  }
}
