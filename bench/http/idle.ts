import { spawn } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { fullSpeed } from "../kit/load.ts";
import { memory } from "../kit/procfs.ts";
import { freePort, listening, pinned } from "../kit/service.ts";
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
    child.once("exit", (code) => reject(new Error(`idle clients ended with ${code}`)));
  });
  return async () => {
    child.stdin.end();
    await gone;
  };
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
      await fullSpeed(load);
      const alone = await metered(service, () => fullSpeed(load));
      await sleep(500);
      const before = memory(service.tree());
      const release = await holdIdle(port, arena);
      try {
        await sleep(500);
        const after = memory(service.tree());
        const beside = await metered(service, () => fullSpeed(load));
        return {
          bytesEach: (after.rss - before.rss) / CONNECTIONS,
          pssEach: (after.pss - before.pss) / CONNECTIONS,
          rssMb: after.rss / 1e6,
          cpuRatio: beside.cpuUs / alone.cpuUs,
          rateRatio: beside.perSecond / alone.perSecond,
          failed: alone.failed + beside.failed,
        };
      } finally {
        await release();
      }
    } finally {
      await service.stop();
    }
  },
};
