import { readFileSync, rmSync } from "node:fs";
import { pinned, runTool } from "./service.ts";
import { quantile } from "./statistics.ts";

/**
 * What came of a burst of load. Latencies in milliseconds; `failed` are errors and answers but 2xx,
 * 3xx.
 */
export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

const MS = { us: 0.001, ms: 1, s: 1000, m: 60_000 } as const;

/** wrk's `1.23ms` in milliseconds. */
function milliseconds(text: string | undefined): number {
  const m = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? "");
  return m ? Number(m[1]) * MS[m[2] as keyof typeof MS] : Number.NaN;
}

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly cpus: string | undefined;
  /** What the command is to begin with: to run it elsewhere. */
  readonly before?: readonly string[];
}

/** What is started for a load. */
const commandOf = ({ before = [], cpus }: Load, command: readonly string[]): string[] => [
  ...before,
  ...pinned(cpus, command),
];

/** As fast as the connections allow (closed loop), with wrk. */
export async function fullSpeed(load: Load, headers: readonly string[] = []): Promise<LoadResult> {
  const wrk = ["wrk", "-t", "1", "-c", String(load.connections), "-d", `${load.seconds}s`];
  const more = ["--latency", "--timeout", "5s", ...headers.flatMap((h) => ["-H", h]), load.url];
  const command = commandOf(load, [...wrk, ...more]);
  const stdout = await runTool(command);
  const number = (pattern: RegExp) => Number(pattern.exec(stdout)?.[1] ?? 0);
  const errors =
    /connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(stdout)?.slice(1) ?? [];
  return {
    requests: number(/(\d+) requests in/),
    failed: errors.map(Number).reduce((a, b) => a + b, number(/Non-2xx or 3xx responses: (\d+)/)),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    maxMs: milliseconds(/^\s+Latency\s+\S+\s+\S+\s+(\S+)/m.exec(stdout)?.[1]),
  };
}

/**
 * At a rate of requests, with h2load. Each client keeps to its own schedule and catches up when it
 * was late, but a latency counts from the moment its request was really sent: what a stalled
 * connection kept waiting is not in it. Connections start spread out, so that schedules do not
 * march in step.
 */
export async function fixedRate(
  load: Load & { readonly perSecond: number; readonly scratch: string },
): Promise<LoadResult> {
  const log = `${load.scratch}/h2load.log`;
  const each = load.perSecond / load.connections;
  const total = Math.round(load.perSecond * load.seconds);
  const command = commandOf(load, [
    ...["h2load", "--h1", "-t", "1", "-c", String(load.connections), "-n", String(total)],
    ...["--rps", each.toFixed(3), "-r", "4", "--rate-period", "3ms", "--log-file", log, load.url],
  ]);
  await runTool(command);
  const times: number[] = [];
  let failed = 0;
  let first = Number.POSITIVE_INFINITY;
  let last = 0;
  for (const line of readFileSync(log, "utf8").split("\n")) {
    const [at, status, us] = line.split("\t").map(Number);
    if (us === undefined) continue;
    if (!(status! >= 200 && status! < 400)) failed++;
    times.push(us / 1000);
    first = Math.min(first, at!);
    last = Math.max(last, at!);
  }
  rmSync(log);
  times.sort((a, b) => a - b);
  return {
    requests: times.length,
    failed: failed + total - times.length,
    perSecond: (times.length / (last - first)) * 1e6,
    p50Ms: quantile(times, 0.5),
    p99Ms: quantile(times, 0.99),
    maxMs: quantile(times, 1),
  };
}
