import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fullSpeed } from "../kit/load.ts";
import { memory } from "../kit/procfs.ts";
import { freePort, listening, pinned, type Service } from "../kit/service.ts";
import { median } from "../kit/statistics.ts";
import { type Arena, columns, metered, type Subject, urlOf, type Work } from "./work.ts";

const CONNECTIONS = 15_000;

/**
 * Opens the connections, each with one request answered, and holds them until the result is called.
 */
async function holdIdle(port: number, arena: Arena): Promise<() => Promise<void>> {
  const program = fileURLToPath(new URL("./idle-clients.ts", import.meta.url));
  const [command, ...args] = pinned(arena.loadCpus, [
    ...[process.execPath, program],
    ...[String(port), String(CONNECTIONS)],
  ]);
  const child = spawn(command!, args, { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await new Promise<void>((resolve, reject) => {
    child.stdout.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`the idle clients ended with ${code}`)));
  });
  return async () => {
    child.stdin.end();
    await gone;
  };
}

/** Changes of memory that count as none. */
const CALM_BYTES = 256 * 1024;
const CALM_SECONDS = 3;
const PATIENCE_SECONDS = 20;

/**
 * Memory once it has come to rest: collectors give back what a burst of load took only after a
 * while, and that is more than many connections take.
 */
async function settledMemory(service: Service): Promise<{ rss: number; pss: number }> {
  let last = memory(service.tree());
  for (let second = 0, calm = 0; second < PATIENCE_SECONDS && calm < CALM_SECONDS; second++) {
    await sleep(1000);
    const now = memory(service.tree());
    calm = Math.abs(now.rss - last.rss) < CALM_BYTES ? calm + 1 : 0;
    last = now;
  }
  return last;
}

/** How often traffic beside and alone take turns; one noisy burst must not decide. */
const TURNS = 5;

interface Burst {
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly failed: number;
}

/** Load on both in turn, after one burst on each for compilers: pairs of bursts. */
async function besideAndAlone(
  beside: Subject,
  alone: Subject,
  arena: Arena,
): Promise<[Burst, Burst][]> {
  const burst = ({ service, port }: Subject): Promise<Burst> => {
    const url = urlOf({ port }, "/1k");
    const { seconds, loadCpus: cpus } = arena;
    return metered(service, () => fullSpeed({ url, connections: 64, seconds, cpus }));
  };
  const pairs: [Burst, Burst][] = [];
  for (let turn = 0; turn <= TURNS; turn++) {
    const first = await burst(turn % 2 === 0 ? beside : alone);
    const second = await burst(turn % 2 === 0 ? alone : beside);
    if (turn > 0) pairs.push(turn % 2 === 0 ? [first, second] : [second, first]);
  }
  return pairs;
}

async function startFresh({ contender }: Subject, arena: Arena): Promise<Subject> {
  const port = await freePort();
  const { scratch, backendPort, contenderCpus: cpus } = arena;
  const service = contender.start({ scratch, port, backendPort, threads: 1, cpus });
  await listening(port, service);
  return { contender, service, port };
}

/**
 * Memory of a fresh process with the connections less without, and traffic beside them, against
 * that of a process without any.
 */
export const idle: Work = {
  name: "idle",
  title: `${CONNECTIONS} idle keep-alive connections, and 64 busy ones beside them`,
  columns: [
    { key: "bytesEach", title: "RSS B/conn", digits: 0 },
    { key: "pssEach", title: "PSS B/conn", digits: 0 },
    { key: "rssMb", title: "RSS MB", digits: 1 },
    { key: "cpuRatio", title: "CPU beside/alone", digits: 2 },
    { key: "rateRatio", title: "req/s beside/alone", digits: 2 },
    columns.failed,
  ],
  once: true,
  only: ["weir", "haproxy", "nginx"],
  async measure(alone, arena) {
    const subject = await startFresh(alone, arena);
    const { service, port } = subject;
    try {
      // Little load before: what a collector gives back after much would hide connections.
      const url = urlOf(subject, "/1k");
      await fullSpeed({ url, connections: 1, seconds: 1, cpus: arena.loadCpus });
      const before = await settledMemory(service);
      const release = await holdIdle(port, arena);
      const idle = await settledMemory(service);
      const pairs = await besideAndAlone(subject, alone, arena).finally(release);
      return {
        bytesEach: (idle.rss - before.rss) / CONNECTIONS,
        pssEach: (idle.pss - before.pss) / CONNECTIONS,
        rssMb: idle.rss / 1e6,
        cpuRatio: median(pairs.map(([beside, lone]) => beside.cpuUs / lone.cpuUs)),
        rateRatio: median(pairs.map(([beside, lone]) => beside.perSecond / lone.perSecond)),
        failed: pairs.flat().reduce((sum, { failed }) => sum + failed, 0),
      };
    } finally {
      await service.stop();
    }
  },
};
