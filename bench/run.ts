import { mkdirSync, writeFileSync } from "node:fs";
import os from "node:os";
import { parseArgs } from "node:util";
import { createStyle, wantsColor } from "#cli/style.ts";
import { formatTable } from "#cli/table.ts";
import { BENCHES } from "./index.ts";
import type { Outcome } from "./kit/bench.ts";

const USAGE = `usage: npm run bench -- NAME [options]

  --check        compare with the targets; exit 1 when one is missed
  --json         print the figures as JSON
  --rounds N     turns of each contender (default 5)
  --only A,B     only these contenders and works
  --quick        one short round: does it run at all?

benches: ${Object.keys(BENCHES).join(", ")}`;

/** What is known of the machine, kept with the figures: they mean nothing without it. */
const machine = () => ({
  cpu: os.cpus()[0]?.model ?? "unknown",
  cpus: os.cpus().length,
  memoryBytes: os.totalmem(),
  kernel: os.release(),
  node: process.version,
});

/**
 * Leaves the figures under results/local/ (not in the repository: one file a bench and machine).
 */
function save(name: string, outcome: Outcome): string {
  const folder = new URL("./results/local/", import.meta.url);
  mkdirSync(folder, { recursive: true });
  const file = new URL(`${name}.json`, folder);
  const at = new Date().toISOString();
  writeFileSync(file, `${JSON.stringify({ name, at, machine: machine(), ...outcome }, null, 2)}\n`);
  return file.pathname;
}

function print(outcome: Outcome, saved: string): void {
  const style = createStyle(wantsColor(process.stdout, process.env));
  for (const table of outcome.tables) {
    console.log(`\n${style.bold(table.title)}`);
    console.log(formatTable(table.columns, table.rows, style.dim));
  }
  if (outcome.checks.length > 0) {
    const rows = outcome.checks.map((check) => [
      check.ok ? style.green("met") : style.red("MISSED"),
      check.name,
      check.value.toPrecision(3),
      check.target,
    ]);
    const columns = [
      { title: "" },
      { title: "TARGET" },
      { title: "IS", align: "right" },
      { title: "WANTED", align: "right" },
    ] as const;
    console.log(`\n${formatTable(columns, rows, style.dim)}`);
  }
  console.log(`\n${saved}`);
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      check: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string", default: "" },
    },
  });
  const load = BENCHES[positionals[0] ?? ""];
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
  if (!load || positionals.length > 1 || !(rounds >= 1 && rounds <= 100)) {
    console.error(USAGE);
    return 2;
  }
  const { bench } = await load();
  const outcome = await bench.run({
    rounds,
    quick: values.quick,
    only: values.only.split(",").filter((word) => word !== ""),
    say: (line) => console.error(line),
  });
  const saved = save(bench.name, outcome);
  if (values.json) console.log(JSON.stringify(outcome, null, 2));
  else print(outcome, saved);
  if (!values.check) return 0;
  const missed = outcome.checks.filter((check) => !check.ok);
  for (const check of missed) {
    console.error(`missed: ${check.name} is ${check.value.toPrecision(3)}, wanted ${check.target}`);
  }
  return missed.length === 0 ? 0 : 1;
}

process.exitCode = await main();
