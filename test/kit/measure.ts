import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { until } from "./until.ts";
import type { Weir } from "./weir.ts";

/** Clock ticks a second, which Linux has fixed for user space. */
const TICKS = 100;

/** Processor time of a process so far, in milliseconds. */
export function cpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS;
}

/** Share of one processor that a process used while we waited, 1 = all of it. */
export async function cpuShare(pid: number, whileMs = 1000): Promise<number> {
  const before = cpuMs(pid);
  const beganMs = performance.now();
  await sleep(whileMs);
  return (cpuMs(pid) - before) / (performance.now() - beganMs);
}

/** Half of one processor: a loop that spins takes all of it. */
const NOT_SPINNING = 0.5;

/**
 * Waits until a process has done what it had got to do, and rests: the share it uses then. Rejects
 * when it goes on spinning.
 */
export async function rests(pid: number): Promise<number> {
  let share = 1;
  await until("it rests", async () => {
    share = await cpuShare(pid, 500);
    return share < NOT_SPINNING;
  });
  return share;
}

export const rssBytes = (pid: number): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "latin1"))![1]) * 1024;

export const openFdsOf = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

/** The sum of a metric over all its labels. Throws when there is none of the name. */
export async function metric(weir: Weir, name: string): Promise<number> {
  const { text } = await weir.admin("/metrics");
  const lines = text.split("\n").filter((line) => new RegExp(`^${name}[{ ]`).test(line));
  if (lines.length === 0) throw new Error(`there is no metric ${name}`);
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}
