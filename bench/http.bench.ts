import { mkdtempSync, rmSync } from "node:fs";
import { startBackend } from "./contenders/backend.ts";
import type { Contender } from "./contenders/contender.ts";
import { haproxy } from "./contenders/haproxy.ts";
import { nginx } from "./contenders/nginx.ts";
import { nodeHttp } from "./contenders/node-http.ts";
import { weir } from "./contenders/weir.ts";
import { checkTargets } from "./http/targets.ts";
import type { Arena, Subject, Work } from "./http/work.ts";
import { WORKS } from "./http/works.ts";
import type { Bench, BenchOptions, Outcome, ResultTable } from "./kit/bench.ts";
import { chosen } from "./kit/chosen.ts";
import { type Figures, middle, type Results, ratio } from "./kit/results.ts";
import { freePort, listening } from "./kit/service.ts";

const CONTENDERS: readonly Contender[] = [haproxy, weir, nginx, nodeHttp];

/**
 * Rounds that do not count, of everybody's work: compilers need some seconds of each kind of work,
 * caches a moment.
 */
const WARM_UP = -2;

/** Those of the contenders who take part and are installed. */
function present(options: BenchOptions): Contender[] {
  return chosen(CONTENDERS, options.only).filter((contender) => {
    const version = contender.version();
    options.say(`${contender.name}: ${version ?? "not installed, left out"}`);
    return version !== undefined;
  });
}

/**
 * Starts everybody who does this work, for this work alone: connections kept from another one, and
 * what their ends have learnt of each other, would help some and hinder others.
 */
async function startSubjects(
  work: Work,
  contenders: readonly Contender[],
  arena: Arena,
): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const contender of contenders) {
    if (!(work.only?.includes(contender.name) ?? true)) continue;
    const port = await freePort();
    const { scratch, backendPort, contenderCpus: cpus } = arena;
    const service = contender.start({ scratch, port, backendPort, threads: 1, cpus });
    subjects.push({ contender, service, port });
    try {
      await listening(port, service);
    } catch (cause) {
      await stopAll(subjects);
      throw cause;
    }
  }
  return subjects;
}

async function stopAll(subjects: readonly Subject[]): Promise<void> {
  await Promise.all(subjects.map((subject) => subject.service.stop()));
}

/** Rounds of a work by fresh processes. */
async function compete(
  work: Work,
  contenders: readonly Contender[],
  arena: Arena,
  options: BenchOptions,
): Promise<Record<string, readonly Figures[]>> {
  const results: Record<string, Figures[]> = {};
  const subjects = await startSubjects(work, contenders, arena);
  try {
    const rounds = work.once ? 1 : options.rounds;
    for (let round = work.once || options.quick ? 0 : WARM_UP; round < rounds; round++) {
      for (let i = 0; i < subjects.length; i++) {
        const subject = subjects[(i + round - WARM_UP) % subjects.length]!;
        const { name } = subject.contender;
        const figures = await work.measure(subject, arena).catch((error: Error): Figures => {
          options.say(`${work.name} ${name} failed: ${error.message}`);
          return { failed: 1 };
        });
        if (round < 0) continue;
        (results[name] ??= []).push(figures);
        const first = work.columns[0]!;
        const value = (figures[first.key] ?? Number.NaN).toFixed(first.digits);
        options.say(`round ${round + 1} ${work.name} ${name}: ${value} ${first.title}`);
      }
    }
  } finally {
    await stopAll(subjects);
  }
  return results;
}

/** Medians of a work, a row for each contender, and the first column's ratio to HAProxy's. */
function tableOf(work: Work, results: Results): ResultTable {
  const first = work.columns[0]!.key;
  return {
    title: work.title,
    columns: [
      { title: "" },
      ...work.columns.map((c) => ({ title: c.title, align: "right" as const })),
      { title: "to haproxy", align: "right" },
    ],
    rows: Object.keys(results[work.name] ?? {}).map((name) => [
      name,
      ...work.columns.map((c) => middle(results, work.name, c.key, name).toFixed(c.digits)),
      ratio(results, work.name, first, name, "haproxy").toFixed(2),
    ]),
  };
}

export const bench: Bench = {
  name: "http",
  summary: "Weir, HAProxy, nginx and node:http as a reverse proxy: CPU, latency, memory",
  async run(options): Promise<Outcome> {
    const scratch = mkdtempSync("/dev/shm/weir-bench-");
    const backendPort = await freePort();
    const arena: Arena = {
      scratch,
      backendPort,
      loadCpus: "0",
      contenderCpus: "1",
      seconds: options.quick ? 2 : 5,
      haproxyPerSecond: 0,
    };
    const backend = startBackend(scratch, backendPort, arena.loadCpus);
    process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));
    try {
      await listening(backendPort, backend);
      const contenders = present(options);
      const results: Record<string, Record<string, readonly Figures[]>> = {};
      for (const work of chosen(WORKS, options.only)) {
        results[work.name] = await compete(work, contenders, arena, options);
      }
      return {
        tables: chosen(WORKS, options.only)
          .filter((work) => results[work.name])
          .map((work) => tableOf(work, results)),
        checks: checkTargets(results),
        data: { seconds: arena.seconds, haproxyPerSecond: arena.haproxyPerSecond, results },
      };
    } finally {
      await backend.stop();
      rmSync(scratch, { recursive: true, force: true });
    }
  },
};
