import { type ChildProcess, spawn } from "node:child_process";
import type { Cancel, Timers } from "#base/clock.ts";
import { deadline } from "#base/deadline.ts";
import { describeSystemError, isLocalShortage } from "./dial.ts";

export interface ProgramOptions {
  readonly args: readonly string[];
  /** The whole environment: nothing of ours is passed on. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Most bytes kept of its output, both streams together; more is read and dropped. */
  readonly outputBytes: number;
}

export interface ProgramResult {
  /** Exit status, or undefined when it was killed or never ran. */
  readonly status: number | undefined;
  readonly timeout: boolean;
  /** It lay with us: no process, no descriptor left. */
  readonly local: boolean;
  /** Why it did not run or was killed, in words; undefined after a normal exit. */
  readonly failure: string | undefined;
  readonly output: string;
}

/** How long output may still come after the program itself has ended, from what it left behind. */
const LINGER_MS = 100;

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // Gone already.
  }
}

/**
 * Runs a program, without a shell, in a process group of its own and calls `done` once, never from
 * inside this call. At the deadline, and on Cancel (then `done` is not called), the whole group is
 * killed; a program that exits but leaves children holding its output has those killed too.
 */
export function runProgram(
  timers: Timers,
  path: string,
  options: ProgramOptions,
  done: (result: ProgramResult) => void,
): Cancel {
  let over = false;
  let output = "";
  let room = options.outputBytes;
  let local = false;
  let lingering: Cancel | undefined;
  const child = spawn(path, options.args, {
    env: options.env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    cwd: "/",
  }) as ChildProcess;
  const end = (): boolean => {
    if (over) return false;
    over = true;
    cancelDeadline();
    lingering?.();
    child.stdout?.destroy();
    child.stderr?.destroy();
    return true;
  };
  const finish = (status: number | undefined, timeout: boolean, failure?: string): void => {
    if (end()) done({ status, timeout, local, failure, output });
  };
  const cancelDeadline = deadline(timers, options.timeoutMs, () => {
    killGroup(child);
    finish(undefined, true, "it did not end in time");
  });
  const keep = (chunk: Buffer): void => {
    const part = chunk.subarray(0, room);
    room -= part.length;
    output += part.toString("latin1");
  };
  // There are no streams when descriptors have run out; then "error" comes.
  child.stdout?.on("data", keep);
  child.stderr?.on("data", keep);
  child.on("error", (error) => {
    local = isLocalShortage(error);
    finish(undefined, false, describeSystemError(error));
  });
  const exited = (status: number | null, signal: string | null): void =>
    finish(status ?? undefined, false, signal === null ? undefined : `it was ended by ${signal}`);
  child.on("exit", (status, signal) => {
    if (over) return;
    lingering = timers.after(LINGER_MS, () => {
      killGroup(child);
      exited(status, signal);
    });
  });
  child.on("close", exited);
  return () => {
    if (over) return;
    killGroup(child);
    end();
  };
}
