/**
 * How long a fault is felt: `npm run bench -- faults`. Tests cannot hold such times against a
 * bound, for a busy machine would fail them; here every fault happens a few times, and what is held
 * against its target is the median. Of lost requests it is the worst round.
 */
import { FAULTS, type Fault } from "./faults/faults.ts";
import { atMost, type Bench, type Check, type Outcome } from "./kit/bench.ts";
import { median } from "./kit/statistics.ts";

type Measured = readonly [fault: Fault, values: readonly number[]];

/** Measures a fault once and ends everything that was started for it, however that went. */
async function measure(fault: Fault): Promise<number> {
  const ends: (() => unknown)[] = [];
  try {
    return await fault.measure({ after: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

const held = ([fault, values]: Measured): number =>
  fault.unit === "ms" ? median(values) : Math.max(...values);

function check(measured: Measured): Check[] {
  const [{ title, unit, most }] = measured;
  return most === undefined ? [] : [atMost(`${title}, ${unit}`, held(measured), most)];
}

function row(measured: Measured): string[] {
  const [{ title, unit, most }, values] = measured;
  const figures = [Math.min(...values), median(values), Math.max(...values)];
  return [title, unit, ...figures.map((figure) => figure.toFixed(0)), most?.toFixed(0) ?? "-"];
}

const right = (title: string) => ({ title, align: "right" as const });

export const bench: Bench = {
  name: "faults",
  summary: "Engines, workers and servers that die or stop: how long it is felt",
  async run({ rounds, only, say }): Promise<Outcome> {
    const some = FAULTS.filter(({ name }) => only.includes(name));
    const results: Measured[] = [];
    for (const fault of some.length > 0 ? some : FAULTS) {
      const values: number[] = [];
      for (let round = 0; round < rounds; round++) values.push(await measure(fault));
      say(`${fault.name}: ${values.map((value) => value.toFixed(0)).join(", ")} ${fault.unit}`);
      results.push([fault, values]);
    }
    return {
      tables: [
        {
          title: `Faults, ${rounds} times each`,
          columns: [
            { title: "" },
            { title: "" },
            ...["best", "median", "worst", "target"].map(right),
          ],
          rows: results.map(row),
        },
      ],
      checks: results.flatMap(check),
      data: Object.fromEntries(results.map(([{ name }, values]) => [name, values])),
    };
  },
};
