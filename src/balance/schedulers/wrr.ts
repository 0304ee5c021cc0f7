import { PACKET_TURNS_MOST } from "#plan/packet-schedule.ts";
import type { Eligible } from "../eligible.ts";
import { packetTurns } from "../packet-tables.ts";
import { scheduler } from "../scheduler.ts";
import { createTurnWalk, type TurnTable } from "../turn-walk.ts";
import { boundedWeights, commonDivisor, wholeWeight } from "../whole-weights.ts";

/** One period of turns, as indices of weights, and where each of its passes begins. */
interface Period {
  readonly turns: readonly number[];
  readonly starts: readonly number[];
}

/**
 * IPVS's interleaving: pass after pass over the servers, each of those that weigh at least as much
 * as the pass asks for, which is the greatest weight at first and one less each time: 4, 3, 2 gives
 * A AB ABC ABC. Weights have no common divisor.
 */
export function interleave(weights: readonly number[]): Period {
  const turns: number[] = [];
  const starts: number[] = [];
  const joining = [...weights.keys()].sort((a, b) => weights[a]! - weights[b]! || b - a);
  const members: number[] = [];
  for (let least = Math.max(0, ...weights); least > 0; least--) {
    const before = members.length;
    while (joining.length > 0 && weights[joining.at(-1)!]! >= least) members.push(joining.pop()!);
    if (members.length > before) members.sort((a, b) => a - b);
    starts.push(turns.length);
    for (const index of members) turns.push(index);
  }
  return { turns, starts };
}

/**
 * After a change the walk begins anew with the first server, in the pass that asks for as much as
 * the one it was in, or in the first when no server weighs so much any more. More than
 * PACKET_TURNS_MOST turns are not laid out: weights are made smaller.
 */
class Interleaved implements TurnTable {
  /** The greatest common divisor of the weights. */
  #step = 1;
  #starts: readonly number[] = [];
  owner = new Uint16Array(0);

  build(eligible: Eligible, next: number): number {
    const asked = this.owner.length === 0 ? 0 : this.#asked(next);
    const units: number[] = [];
    for (let i = 0; i < eligible.count; i++) units.push(wholeWeight(eligible.weight[i]!));
    const { turns, starts } = interleave(boundedWeights(units, PACKET_TURNS_MOST));
    this.#step = Math.max(1, commonDivisor(units));
    this.#starts = starts;
    this.owner = Uint16Array.from(turns, (i) => eligible.position[i]!);
    if (asked === 0) return next % Math.max(1, turns.length);
    const steps = this.#step === 1 ? asked : Math.floor(asked / this.#step) + 1;
    return starts[Math.max(0, starts.length - steps)] ?? 0;
  }

  /**
   * What the pass of the entry served last asked for, in whole weights: IPVS counts down to 1 in
   * steps, so that it is 1 and not the step in the last pass.
   */
  #asked(next: number): number {
    const last = (next === 0 ? this.owner.length : next) - 1;
    const pass = this.#starts.findLastIndex((start) => start <= last);
    return (this.#starts.length - pass - 1) * this.#step + 1;
  }
}

export const wrr = scheduler({
  name: "wrr",
  summary: "LVS's weighted round robin: the heaviest servers first, then all of them in turn",
  options: {},
  weights: () => "static",
  create: (pool, _options, seed) => createTurnWalk(pool, new Interleaved(), seed),
  packets: () => packetTurns((weights) => interleave(weights).turns),
});
