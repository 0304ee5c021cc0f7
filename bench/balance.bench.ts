import type { Pool, SchedulerType } from "#balance/scheduler.ts";
import { schedulers } from "#balance/schedulers/index.ts";
import { mix32 } from "#base/hash.ts";
import { WEIGHT_SCALE } from "#plan/board.ts";
import { fallbacks } from "#schema/index.ts";
import { microBench, type Operation } from "./kit/micro.ts";

/** A pick is a small part of a request: it may take this long in pools of the usual size. */
const MOST_NS = 200;
const USUAL_SERVERS = 16;

/** Half the servers of weight 1, the others of weight 2, loads in shared memory as on the Board. */
class BenchPool implements Pool {
  readonly count: number;
  readonly weight: Int32Array;
  readonly identity: Int32Array;
  readonly loads: Int32Array;
  #total = 0;

  constructor(count: number) {
    this.count = count;
    this.weight = Int32Array.from({ length: count }, (_, i) => WEIGHT_SCALE * (1 + (i % 2)));
    this.identity = Int32Array.from({ length: count }, (_, i) => mix32(i + 1));
    this.loads = new Int32Array(new SharedArrayBuffer(count * 4));
    for (let i = 0; i < count; i++) this.move(i, 1 + (i % 5));
  }

  /** Loads move, or leastconn would learn where the least is. */
  move(position: number, load: number): void {
    this.#total += load - this.loads[position]!;
    this.loads[position] = load;
  }

  load(position: number): number {
    return this.loads[position]!;
  }

  total(): number {
    return this.#total;
  }

  full(position: number): boolean {
    return this.loads[position]! >= 1000;
  }

  rate(position: number): number {
    return this.loads[position]!;
  }
}

function operation(type: SchedulerType, count: number): Operation {
  const pool = new BenchPool(count);
  const options: Record<string, unknown> = fallbacks(type.options);
  const scheduler = type.create(pool, options, 0);
  return {
    name: `${type.name}, ${count} servers`,
    ...(count <= USUAL_SERVERS ? { mostNs: MOST_NS } : {}),
    run(times: number) {
      let sum = 0;
      for (let n = 0; n < times; n++) {
        const key = type.key ? Math.imul(n, 0x9e3779b9) >>> 1 : -1;
        const position = scheduler.pick(key, n >> 4);
        pool.move(position, 1 + ((pool.loads[position]! * 7) & 15));
        scheduler.dropped(position, 5 + (n & 7), n >> 4);
        sum += position;
      }
      return sum;
    },
  };
}

export const bench = microBench("balance", "One pick of a scheduler", () =>
  schedulers.flatMap((type: SchedulerType) => [4, 16, 256].map((count) => operation(type, count))),
);
