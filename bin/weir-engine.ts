import { flushCompileCache } from "node:module";
import { availableParallelism } from "node:os";
import { SpareWorkers } from "#control/spare-workers.ts";
import { spawnWorkersOf } from "#control/worker-thread.ts";
import { systemTimers } from "#io/clock.ts";

// A terminal and `kill -- -group` reach us too, but the supervisor decides what a signal means.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const) {
  process.on(signal, () => {});
}

// Written while there is time: an engine that is killed does not get to it.
setTimeout(flushCompileCache, 3000).unref();

// Workers load their code while we load ours, which therefore comes second.
const entry = process.env["WEIR_WORKER"] ?? new URL("../src/proxy/worker.ts", import.meta.url);
const threads = new SpareWorkers(systemTimers, spawnWorkersOf(new URL(entry)));
for (let i = 0; i < Number(process.argv[2] ?? 1); i++) threads.load();

const { supervisorChannel } = await import("#control/engine-process.ts");
const { startEngine } = await import("#control/start-engine.ts");
const { stderrLog } = await import("#control/stderr-log.ts");
const { SupervisorLink } = await import("#control/supervisor-link.ts");

await startEngine({
  link: new SupervisorLink(supervisorChannel()),
  timers: systemTimers,
  log: stderrLog(process.env),
  env: process.env,
  cwd: process.cwd(),
  cpus: availableParallelism(),
  threads,
  loadMonitor: async () => (await import("#monitor/server.ts")).startMonitor,
  exit: (code) => process.exit(code),
});
