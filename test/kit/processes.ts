import { readdirSync, readFileSync } from "node:fs";
import { until } from "./until.ts";

/**
 * A process whose threads are all zombies has ended, whoever may still have to hear of it. The
 * first thread may be one long before the others, which still have its sockets.
 */
export function isAlive(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).some((tid) => isRunning(`/proc/${pid}/task/${tid}`));
  } catch {
    return false;
  }
}

function isRunning(task: string): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`${task}/status`, "utf8"));
  } catch {
    return false;
  }
}

/** Resolves when the process has ended. */
export const gone = (pid: number): Promise<void> =>
  until(`process ${pid} ends`, () => !isAlive(pid));

/** Kills a process and waits until it is dead: what it had accepted has died with it then. */
export function killNow(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  return gone(pid);
}
