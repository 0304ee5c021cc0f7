import type { Column } from "#cli/table.ts";

export interface BenchOptions {
  /** How often every contender has its turn. */
  readonly rounds: number;
  /** Short and rough: to see that something works, not to compare. */
  readonly quick: boolean;
  /** Names of contenders and works to keep; empty = all. */
  readonly only: readonly string[];
  /** Progress, for people. */
  say(line: string): void;
}

/** One figure held against its target. */
export interface Check {
  readonly name: string;
  readonly value: number;
  /** The target, as people read it: `≤ 0.75`. */
  readonly target: string;
  readonly ok: boolean;
}

export interface ResultTable {
  readonly title: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

export interface Outcome {
  readonly tables: readonly ResultTable[];
  readonly checks: readonly Check[];
  /** Everything measured, for machines. */
  readonly data: unknown;
}

/** `npm run bench -- NAME`. */
export interface Bench {
  readonly name: string;
  readonly summary: string;
  run(options: BenchOptions): Promise<Outcome>;
}

/** A check that `value` is at most `most`. */
export const atMost = (name: string, value: number, most: number): Check => ({
  name,
  value,
  target: `≤ ${most}`,
  ok: value <= most,
});

/** A check that `value` is at least `least`. */
export const atLeast = (name: string, value: number, least: number): Check => ({
  name,
  value,
  target: `≥ ${least}`,
  ok: value >= least,
});
