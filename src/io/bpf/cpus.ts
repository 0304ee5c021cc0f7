import { readFileSync } from "node:fs";

let known: number | undefined;

/**
 * Processors this machine can ever have: per-CPU maps have a value for each. Read once, for it
 * never changes.
 */
export function possibleCpus(): number {
  known ??= countCpus(readFileSync("/sys/devices/system/cpu/possible", "utf8"));
  return known;
}

/** Processors of a kernel's list such as `0-3,8`. Throws an Error for what is no list. */
export function countCpus(list: string): number {
  let last = -1;
  for (const range of list.trim().split(",")) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(range);
    if (match === null) throw new Error(`no list of processors: ${list.trim()}`);
    last = Math.max(last, Number(match[2] ?? match[1]));
  }
  // The kernel copies by number of processor, so holes count.
  return last + 1;
}
