import { isAlive } from "#cli/process-alive.ts";
import { until } from "./until.ts";

/** Resolves when the process has ended. */
export const gone = (pid: number): Promise<void> =>
  until(`process ${pid} ends`, () => !isAlive(pid));

/** Kills a process and waits until it is dead: what it had accepted has died with it then. */
export function killNow(pid: number): Promise<void> {
  process.kill(pid, "SIGKILL");
  return gone(pid);
}
