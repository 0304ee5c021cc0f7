import { flushCompileCache } from "node:module";
import { availableParallelism } from "node:os";
import { loadConfig } from "#config/load.ts";
import { supervisorChannel } from "#control/engine-process.ts";
import { startEngine } from "#control/start-engine.ts";
import { stderrLog } from "#control/stderr-log.ts";
import { SupervisorLink } from "#control/supervisor-link.ts";
import { spawnWorkersOf } from "#control/worker-thread.ts";
import { systemTimers } from "#io/clock.ts";
import { startMonitor } from "#monitor/server.ts";

// A terminal and `kill -- -group` reach us too, but the supervisor decides what a signal means.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2"] as const) {
  process.on(signal, () => {});
}

const entry = process.env["WEIR_WORKER"] ?? new URL("../src/proxy/worker.ts", import.meta.url);

// Written while there is time: an engine that is killed does not get to it.
setTimeout(flushCompileCache, 3000).unref();

await startEngine({
  link: new SupervisorLink(supervisorChannel()),
  timers: systemTimers,
  log: stderrLog(process.env),
  load: loadConfig,
  env: process.env,
  cwd: process.cwd(),
  cpus: availableParallelism(),
  spawnWorker: spawnWorkersOf(new URL(entry)),
  startMonitor,
  exit: (code) => process.exit(code),
});
