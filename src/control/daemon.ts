import { lstatSync, mkdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { WeirError } from "#base/errors.ts";
import type { Log } from "#base/log.ts";
import { systemTimers } from "#io/clock.ts";
import { raiseDescriptorLimit } from "#io/descriptor-limit.ts";
import { inheritedFds } from "#io/inherited.ts";
import { createSharedMemory } from "#io/memory.ts";
import { createNotify } from "#io/notify.ts";
import { boundAddress, checkFree, closeFd, listenOn } from "#io/sockets.ts";
import { spawnEngine } from "./engine-process.ts";
import { SIGNALS, type SignalName } from "./signals.ts";
import { type End, Supervisor } from "./supervisor.ts";

export interface DaemonOptions {
  /** Module that an engine process runs. */
  readonly engineEntry: string;
  readonly configFiles: readonly string[];
  readonly adminSocket: string;
  readonly pidFile: string | undefined;
  readonly log: Log;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Called once, when requests are served for the first time. */
  readonly ready?: () => void;
}

/**
 * Makes this process the supervisor until everything has ended; then nothing of it is left behind.
 */
export async function runDaemon(options: DaemonOptions): Promise<End> {
  const { adminSocket, pidFile, log } = options;
  const made = makeRuntimeDirectory(dirname(adminSocket));
  raiseDescriptorLimit();
  for (const { fd, name } of inheritedFds(options.env, process.pid)) {
    log("info", `descriptor ${fd} (${name}) was passed on: bind it as fd@${fd}`);
  }
  const notify = createNotify(options.env["NOTIFY_SOCKET"]);
  let wrotePid = false;
  const supervisor = new Supervisor(
    {
      timers: systemTimers,
      sockets: {
        listen: listenOn,
        checkFree,
        boundAddress,
        close: closeFd,
        remove: (path) => rmSync(path, { force: true }),
      },
      log,
      spawn: (handlers, threads) =>
        spawnEngine(options.engineEntry, process.execArgv, handlers, threads),
      createMemory: (bytes) => createSharedMemory("weir-board", bytes),
      notify,
      ready() {
        if (pidFile !== undefined) writeFileSync(pidFile, `${process.pid}\n`);
        wrotePid = true;
        options.ready?.();
      },
    },
    { configFiles: options.configFiles, adminSocket },
  );
  const handlers = SIGNALS.map((name) => [name, () => supervisor.signal(name)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  try {
    return await supervisor.run();
  } finally {
    for (const [name, handler] of handlers) process.off(name as SignalName, handler);
    if (pidFile !== undefined && wrotePid) rmSync(pidFile, { force: true });
    if (made) removeIfEmpty(dirname(adminSocket));
  }
}

/**
 * The directory of the admin socket. In a place where everybody may write, somebody else could have
 * made it first and would own our socket: then we refuse.
 */
function makeRuntimeDirectory(path: string): boolean {
  const uid = process.getuid!();
  if (mkdirSync(path, { recursive: true, mode: uid === 0 ? 0o755 : 0o700 })) return true;
  const { uid: owner } = lstatSync(path);
  if (owner !== uid && owner !== 0) {
    throw new WeirError("NOT_PERMITTED", `${path} belongs to somebody else (user ${owner})`);
  }
  return false;
}

function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Somebody else keeps something there.
  }
}
