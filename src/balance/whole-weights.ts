import { WEIGHT_SCALE } from "#plan/board.ts";
import type { Eligible } from "./eligible.ts";

const HALF = WEIGHT_SCALE / 2;
const SHIFT = Math.log2(WEIGHT_SCALE);

/** A weight as the Pool has it in whole units: at least 1 unless it is 0. */
export function wholeWeight(weight: number): number {
  return weight <= 0 ? 0 : Math.max(1, (weight + HALF) >> SHIFT);
}

/** Whole weights of the eligible servers, divided by what they have in common. */
export function wholeWeights(eligible: Eligible): number[] {
  const units: number[] = [];
  for (let i = 0; i < eligible.count; i++) units.push(wholeWeight(eligible.weight[i]!));
  const divisor = commonDivisor(units);
  return units.map((unit) => unit / divisor);
}

/** The greatest number that divides all weights; 0 when there are none but zeros. */
export function commonDivisor(weights: readonly number[]): number {
  return weights.reduce(greatestCommonDivisor, 0);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/**
 * Weights (none of them 0) divided by what they have in common, and made smaller until their sum is
 * at most `most`: shares are then a little off, but nobody falls out.
 */
export function boundedWeights(weights: readonly number[], most: number): number[] {
  const divisor = commonDivisor(weights);
  const units = weights.map((weight) => weight / divisor);
  const sum = units.reduce((total, unit) => total + unit, 0);
  if (sum <= most) return units;
  const share = (most - units.length) / sum;
  const smaller = units.map((unit) => Math.max(1, Math.floor(unit * share)));
  const again = commonDivisor(smaller);
  return smaller.map((unit) => unit / again);
}
