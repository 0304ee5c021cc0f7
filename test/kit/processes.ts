import { readFileSync } from "node:fs";
import { until } from "./until.ts";

/** A zombie has ended, whoever may still have to hear of it. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
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
