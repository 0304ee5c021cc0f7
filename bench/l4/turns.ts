import type { BenchOptions, ResultTable } from "../kit/bench.ts";
import { machineSeconds, othersSeconds } from "../kit/procfs.ts";
import { type Figures, middle, type Results, ratio } from "../kit/results.ts";
import type { Way } from "./ways.ts";
import { right } from "./work.ts";

/** Something that is measured of every way, in turn. */
export interface Contest {
  readonly name: string;
  readonly title: string;
  readonly columns: readonly {
    readonly key: string;
    readonly title: string;
    readonly digits: number;
  }[];
  measure(way: Way): Promise<Figures>;
}

/**
 * What the machine has spent so far on this bench, in seconds: forwarding is done in interrupts, in
 * whoever's time they come, so all counts but the time of processes that are none of ours.
 */
export const spentSeconds = (): number => machineSeconds() - othersSeconds(process.pid);

/** Seconds of a turn. A neighbour's load comes and goes: many short turns are better than few. */
export const TURN_SECONDS = 1;
const TURNS_A_ROUND = 3;

/**
 * Everybody's turn in each round, some rounds for each that was asked for; who begins changes. One
 * round before does not count.
 */
export async function takeTurns(
  contest: Contest,
  ways: readonly Way[],
  options: BenchOptions,
): Promise<Record<string, readonly Figures[]>> {
  const results: Record<string, Figures[]> = {};
  const [first] = contest.columns;
  const rounds = options.quick ? options.rounds : TURNS_A_ROUND * options.rounds;
  for (let round = options.quick ? 0 : -1; round < rounds; round++) {
    for (let i = 0; i < ways.length; i++) {
      const way = ways[(i + round + 1) % ways.length]!;
      const leave = way.enter?.();
      try {
        const figures = await contest.measure(way);
        if (round < 0) continue;
        (results[way.name] ??= []).push(figures);
        const value = (figures[first!.key] ?? Number.NaN).toFixed(first!.digits);
        options.say(`round ${round + 1} ${contest.name} ${way.name}: ${value} ${first!.title}`);
      } finally {
        leave?.();
      }
    }
  }
  return results;
}

/** Medians, a row for each way; and the first column's ratio to the direct way's. */
export function tableOf({ name, title, columns }: Contest, results: Results): ResultTable {
  const first = columns[0]!.key;
  return {
    title,
    columns: [{ title: "" }, ...columns.map(({ title }) => right(title)), right("of direct")],
    rows: Object.keys(results[name]!).map((way) => [
      way,
      ...columns.map(({ key, digits }) => middle(results, name, key, way).toFixed(digits)),
      ratio(results, name, first, way, "direct").toFixed(2),
    ]),
  };
}
