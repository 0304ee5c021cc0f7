import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fullSpeed, type Load } from "../kit/load.ts";
import { memory } from "../kit/procfs.ts";
import { freePort, listening, pinned, type Service } from "../kit/service.ts";
import { type Arena, columns, metered, urlOf, type Work } from "./work.ts";

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

/** Load at full speed, twice: the first time is for compilers. */
async function warm(service: Service, load: Load) {
  await fullSpeed(load);
  return await metered(service, () => fullSpeed(load));
}

/** Memory of a fresh process with the connections less without, and traffic beside them. */
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
  async measure({ contender }, arena) {
    const port = await freePort();
    const service = contender.start({
      scratch: arena.scratch,
      port,
      backendPort: arena.backendPort,
      threads: 1,
      cpus: arena.contenderCpus,
    });
    try {
      await listening(port, service);
      const load = {
        url: urlOf({ port }, "/1k"),
        connections: 64,
        seconds: arena.seconds,
        cpus: arena.loadCpus,
      };
      // Little load before: what a collector gives back after much would hide connections.
      await fullSpeed({ ...load, connections: 1, seconds: 1 });
      const before = await settledMemory(service);
      const release = await holdIdle(port, arena);
      const idle = await settledMemory(service);
      const beside = await warm(service, load).finally(release);
      const alone = await warm(service, load);
      return {
        bytesEach: (idle.rss - before.rss) / CONNECTIONS,
        pssEach: (idle.pss - before.pss) / CONNECTIONS,
        rssMb: idle.rss / 1e6,
        cpuRatio: beside.cpuUs / alone.cpuUs,
        rateRatio: beside.perSecond / alone.perSecond,
        failed: alone.failed + beside.failed,
      };
    } finally {
      await service.stop();
    }
  },
};
