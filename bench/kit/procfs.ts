import { readdirSync, readFileSync } from "node:fs";

/** Clock ticks a second in /proc: USER_HZ, which is 100 wherever Linux runs Node. */
const TICKS = 100;

/** A process and everything below it, as far as it is still there. */
export function processTree(pid: number): number[] {
  const out = [pid];
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
      for (const child of children.split(" ")) if (child) out.push(...processTree(Number(child)));
    }
  } catch {
    // It ended while we looked.
  }
  return out;
}

/**
 * User and system time of whole processes with all their threads, in seconds (proc(5): stat, 14 and
 * 15).
 */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks / TICKS;
}

/**
 * Memory of whole processes in bytes: resident, and resident with shared pages split among sharers.
 */
export function memory(pids: readonly number[]): { rss: number; pss: number } {
  let rss = 0;
  let pss = 0;
  for (const pid of pids) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    rss += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
    pss += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
  }
  return { rss, pss };
}

/** Fields of the first line of /proc/stat (proc(5)) in which the machine was at work. */
const BUSY = ["user", "nice", "system", "irq", "softirq"];
const FIELDS = ["user", "nice", "system", "idle", "iowait", "irq", "softirq"];

/** Time that all processors together have spent on anything, interrupts included, in seconds. */
export function machineSeconds(): number {
  const ticks = readFileSync("/proc/stat", "utf8")
    .split("\n")[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return BUSY.reduce((sum, field) => sum + ticks[FIELDS.indexOf(field)]!, 0) / TICKS;
}

/**
 * Time that processes outside a tree have spent so far, in seconds. What ended is in its parent's
 * account of children (fields 16 and 17), so the difference of two readings is what others spent in
 * between.
 */
export function othersSeconds(root: number): number {
  const own = new Set(processTree(root));
  let ticks = 0;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name) || own.has(Number(name))) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      for (let field = 11; field <= 14; field++) ticks += Number(fields[field]);
    } catch {
      // It ended while we looked.
    }
  }
  return ticks / TICKS;
}
