import type { Contender } from "../contenders/contender.ts";
import type { LoadResult } from "../kit/load.ts";
import { cpuSeconds, memory } from "../kit/procfs.ts";
import type { Figures } from "../kit/results.ts";
import type { Service } from "../kit/service.ts";

/**
 * Where a bench takes place: the load and the server behind on one CPU, the contender on another.
 */
export interface Arena {
  readonly scratch: string;
  readonly backendPort: number;
  readonly loadCpus: string;
  readonly contenderCpus: string;
  /** Length of one turn. */
  readonly seconds: number;
  /** Most requests a second that HAProxy has served at full speed so far. */
  haproxyPerSecond: number;
}

/** A contender that runs. */
export interface Subject {
  readonly contender: Contender;
  readonly service: Service;
  readonly port: number;
}

export interface FigureColumn {
  readonly key: string;
  readonly title: string;
  /** Digits behind the point. */
  readonly digits: number;
}

/** One row of the comparison: something that every contender does in turn. */
export interface Work {
  readonly name: string;
  readonly title: string;
  /** The first one is what contenders are compared by. */
  readonly columns: readonly FigureColumn[];
  /** Takes long and varies little: done in the first round only. */
  readonly once?: boolean;
  /** Contenders that take part, when not all do. */
  readonly only?: readonly string[];
  measure(subject: Subject, arena: Arena): Promise<Figures>;
}

export const columns = {
  cpuUs: { key: "cpuUs", title: "CPU µs/req", digits: 2 },
  perSecond: { key: "perSecond", title: "req/s", digits: 0 },
  p50: { key: "p50Ms", title: "p50 ms", digits: 3 },
  p99: { key: "p99Ms", title: "p99 ms", digits: 3 },
  rss: { key: "rssMb", title: "RSS MB", digits: 1 },
  failed: { key: "failed", title: "failed", digits: 0 },
} as const satisfies Record<string, FigureColumn>;

/** Runs a load and accounts the CPU that the contender spent meanwhile. */
export async function metered(
  service: Service,
  load: () => Promise<LoadResult>,
): Promise<LoadResult & { cpuSeconds: number; cpuUs: number; rssMb: number }> {
  const pids = service.tree();
  const before = cpuSeconds(pids);
  const result = await load();
  const spent = cpuSeconds(pids) - before;
  return {
    ...result,
    cpuSeconds: spent,
    cpuUs: (spent / result.requests) * 1e6,
    rssMb: memory(pids).rss / 1e6,
  };
}

/** A subject's URL. */
export const urlOf = (subject: { readonly port: number }, path: string): string =>
  `http://127.0.0.1:${subject.port}${path}`;
