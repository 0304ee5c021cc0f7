import { atLeast, atMost, type Check } from "../kit/bench.ts";
import { middle, type Results, ratio } from "../kit/results.ts";

/**
 * What Weir is to reach: its figure divided by HAProxy's of the same round, or the figure itself.
 */
interface Target {
  readonly work: string;
  readonly figure: string;
  readonly of: "ratio to haproxy" | "weir";
  readonly most?: number;
  readonly least?: number;
  readonly name: string;
}

const TARGETS: readonly Target[] = [
  {
    work: "c64",
    figure: "cpuUs",
    of: "ratio to haproxy",
    most: 0.75,
    name: "CPU a request, 64 connections",
  },
  {
    work: "c512",
    figure: "cpuUs",
    of: "ratio to haproxy",
    most: 0.6,
    name: "CPU a request, 512 connections",
  },
  {
    work: "rate",
    figure: "p99Ms",
    of: "ratio to haproxy",
    most: 1,
    name: "p99 at half of HAProxy's full speed",
  },
  {
    work: "large",
    figure: "cpuPerGb",
    of: "ratio to haproxy",
    most: 1.1,
    name: "CPU a GB, 1 MiB responses",
  },
  { work: "close", figure: "cpuUs", of: "ratio to haproxy", most: 0.9, name: "CPU a connection" },
  {
    work: "idle",
    figure: "bytesEach",
    of: "ratio to haproxy",
    most: 1,
    name: "memory of an idle connection",
  },
  {
    work: "idle",
    figure: "rateRatio",
    of: "weir",
    least: 0.9,
    name: "req/s beside idle connections, of alone",
  },
  { work: "threads", figure: "linear", of: "weir", least: 0.9, name: "two threads, of linear" },
];

/** Every target that was measured, and that nothing failed. */
export function checkTargets(results: Results): Check[] {
  const checks: Check[] = [];
  for (const target of TARGETS) {
    const value =
      target.of === "weir"
        ? middle(results, target.work, target.figure, "weir")
        : ratio(results, target.work, target.figure, "weir", "haproxy");
    const byContender = results[target.work] ?? {};
    const against = target.of === "weir" ? "weir" : "haproxy";
    // One that took part and has no figure has failed, and misses its target.
    if (!byContender["weir"] || !byContender[against]) continue;
    if (target.most !== undefined) checks.push(atMost(target.name, value, target.most));
    if (target.least !== undefined) checks.push(atLeast(target.name, value, target.least));
  }
  for (const [work, byContender] of Object.entries(results)) {
    const failed = (byContender["weir"] ?? []).reduce((sum, f) => sum + (f["failed"] ?? 0), 0);
    if (byContender["weir"]) checks.push(atMost(`failed requests, ${work}`, failed, 0));
  }
  return checks;
}
