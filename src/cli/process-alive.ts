import { readdirSync, readFileSync } from "node:fs";

/**
 * Whether a process still runs. One that has ended stays in the kernel's table until its parent
 * asks how (states Z and X of proc(5)). In a container perhaps nobody ever asks, so that counts as
 * ended; but not before its last thread, which may still have its sockets.
 */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
  try {
    return readdirSync(`/proc/${pid}/task`).some((tid) => isRunning(`/proc/${pid}/task/${tid}`));
  } catch {
    // It ended just now, and the next look will say so; or /proc hides what others run.
    return true;
  }
}

function isRunning(task: string): boolean {
  try {
    const stat = readFileSync(`${task}/stat`, "latin1");
    // The name before the state is in parentheses, and may have some of its own.
    return !/^\) [ZX]/.test(stat.slice(stat.lastIndexOf(")")));
  } catch {
    return false;
  }
}
