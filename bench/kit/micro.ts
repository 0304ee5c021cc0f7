import { atMost, type Bench, type BenchOptions, type Outcome } from "./bench.ts";
import { median } from "./statistics.ts";

/**
 * One operation that is timed by itself. `run` does it `count` times and returns something of it.
 */
export interface Operation {
  readonly name: string;
  /** The result is kept alive, so that the work cannot be optimised away. */
  run(count: number): number;
  /** Nanoseconds that one may take, where there is a target. */
  readonly mostNs?: number;
}

let sink = 0;

/** Median nanoseconds of one operation over `rounds` rounds of about `roundMs`, after a warm-up. */
function nanoseconds(operation: Operation, rounds: number, roundMs: number): number {
  let count = 64;
  for (let spent = 0; spent < roundMs; ) {
    const from = process.hrtime.bigint();
    sink += operation.run(count);
    spent = Number(process.hrtime.bigint() - from) / 1e6;
    if (spent < roundMs) count *= 2;
  }
  return median(
    Array.from({ length: rounds }, () => {
      const from = process.hrtime.bigint();
      sink += operation.run(count);
      return Number(process.hrtime.bigint() - from) / count;
    }),
  );
}

/** A bench of single operations: nanoseconds each. */
export function microBench(
  name: string,
  summary: string,
  create: () => readonly Operation[],
): Bench {
  return {
    name,
    summary,
    async run(options: BenchOptions): Promise<Outcome> {
      const results = create().map((operation) => ({
        operation,
        ns: nanoseconds(operation, options.rounds, options.quick ? 20 : 200),
      }));
      if (Number.isNaN(sink)) options.say("an operation gave NaN");
      return {
        tables: [
          {
            title: summary,
            columns: [{ title: "OPERATION" }, { title: "NS", align: "right" }],
            rows: results.map(({ operation, ns }) => [operation.name, ns.toFixed(1)]),
          },
        ],
        checks: results
          .filter(({ operation }) => operation.mostNs !== undefined)
          .map(({ operation, ns }) => atMost(`${operation.name}, ns`, ns, operation.mostNs!)),
        data: Object.fromEntries(results.map(({ operation, ns }) => [operation.name, ns])),
      };
    },
  };
}
