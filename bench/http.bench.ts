import { mkdtempSync, rmSync } from "node:fs";
import { startBackend } from "./contenders/backend.ts";
import type { Contender } from "./contenders/contender.ts";
import { haproxy } from "./contenders/haproxy.ts";
import { nginx } from "./contenders/nginx.ts";
import { nodeHttp } from "./contenders/node-http.ts";
import { weir } from "./contenders/weir.ts";
import { checkTargets, middle, type Results, ratio } from "./http/targets.ts";
import { type Arena, type Figures, type Subject, urlOf, type Work } from "./http/work.ts";
import { WORKS } from "./http/works.ts";
import type { Bench, BenchOptions, Outcome, ResultTable } from "./kit/bench.ts";
import { fullSpeed } from "./kit/load.ts";
import { freePort, listening } from "./kit/service.ts";

const CONTENDERS: readonly Contender[] = [haproxy, weir, nginx, nodeHttp];

/** The members whose names were asked for; all when none of them was. */
function chosen<T extends { readonly name: string }>(
  all: readonly T[],
  only: readonly string[],
): T[] {
  const some = all.filter((member) => only.includes(member.name));
  return some.length > 0 ? some : [...all];
}

/** Starts every contender that is installed and lets it warm up: compilers need it, caches too. */
async function startSubjects(arena: Arena, options: BenchOptions): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const contender of chosen(CONTENDERS, options.only)) {
    const version = contender.version();
    if (version === undefined) {
      options.say(`${contender.name}: not installed, left out`);
      continue;
    }
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
    const url = urlOf({ port }, "/1k");
    await fullSpeed({ url, connections: 64, seconds: arena.seconds, cpus: arena.loadCpus });
    options.say(`${contender.name}: ${version}`);
  }
  return subjects;
}

async function stopAll(subjects: readonly Subject[]): Promise<void> {
  await Promise.all(subjects.map((subject) => subject.service.stop()));
}

/**
 * Every contender does every work once before anything counts: compilers need more than a moment.
 */
async function warmUp(subjects: Subject[], arena: Arena, options: BenchOptions): Promise<void> {
  for (const work of chosen(WORKS, options.only).filter((w) => !w.once)) {
    for (const subject of subjects) {
      if (work.only && !work.only.includes(subject.contender.name)) continue;
      await work.measure(subject, arena).catch(() => {});
    }
    options.say(`warmed up: ${work.name}`);
  }
}

/** Every contender does every work, in turn, round after round; who begins changes. */
async function compete(subjects: Subject[], arena: Arena, options: BenchOptions): Promise<Results> {
  const results: Record<string, Record<string, Figures[]>> = {};
  for (let round = 0; round < options.rounds; round++) {
    for (const work of chosen(WORKS, options.only)) {
      if (work.once && round > 0) continue;
      const able = subjects.filter((s) => work.only?.includes(s.contender.name) ?? true);
      for (let i = 0; i < able.length; i++) {
        const subject = able[(i + round) % able.length]!;
        const { name } = subject.contender;
        const figures = await work.measure(subject, arena).catch((error: Error): Figures => {
          options.say(`${work.name} ${name} failed: ${error.message}`);
          return { failed: 1 };
        });
        ((results[work.name] ??= {})[name] ??= []).push(figures);
        const first = work.columns[0]!;
        const value = (figures[first.key] ?? Number.NaN).toFixed(first.digits);
        options.say(`round ${round + 1} ${work.name} ${name}: ${value} ${first.title}`);
      }
    }
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
    let subjects: Subject[] = [];
    try {
      await listening(backendPort, backend);
      subjects = await startSubjects(arena, options);
      if (!options.quick) await warmUp(subjects, arena, options);
      const results = await compete(subjects, arena, options);
      return {
        tables: chosen(WORKS, options.only)
          .filter((work) => results[work.name])
          .map((work) => tableOf(work, results)),
        checks: checkTargets(results),
        data: { seconds: arena.seconds, haproxyPerSecond: arena.haproxyPerSecond, results },
      };
    } finally {
      await stopAll(subjects);
      await backend.stop();
      rmSync(scratch, { recursive: true, force: true });
    }
  },
};
