import { possibleCpus } from "#io/bpf/cpus.ts";
import type { Mapping } from "#io/memory.ts";
import { LOAD, STATISTICS } from "#plan/director-layout.ts";
import { COUNTER } from "#plan/director-numbers.ts";
import type { Counts } from "./estimator.ts";
import type { Kernel } from "./kernel.ts";
import { rowKey } from "./rows.ts";

const WORDS = STATISTICS.BYTES / 8;

export interface Load {
  readonly active: number;
  readonly inactive: number;
}

/** What happened to packets that were not simply forwarded, in the words of `enum counter`. */
export type Incidents = Readonly<Record<Exclude<keyof typeof COUNTER, "ROWS">, number>>;

/** Reads what the kernel's programs count: memory that is shared with them, no calls. */
export class Readings {
  readonly #kernel: Kernel;
  readonly #mappings: readonly Mapping[];
  readonly #statistics: BigUint64Array;
  readonly #loads: Int32Array;
  readonly #cpus = possibleCpus();
  readonly #rows: number;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
    const mapped = [kernel.maps.statistics.mmap(), kernel.maps.loads.mmap()] as const;
    this.#mappings = mapped;
    this.#statistics = new BigUint64Array(mapped[0].buffer);
    this.#loads = new Int32Array(mapped[1].buffer);
    this.#rows = kernel.maps.destinations.maxEntries;
  }

  /** Of a row of `destinations`, over all processors. */
  counts(row: number): Counts {
    const sum = (offset: number): number => {
      let total = 0n;
      for (let cpu = 0; cpu < this.#cpus; cpu++) {
        total += this.#statistics[(cpu * this.#rows + row) * WORDS + offset / 8]!;
      }
      return Number(total);
    };
    return {
      connections: sum(STATISTICS.CONNECTIONS),
      inPackets: sum(STATISTICS.IN_PACKETS),
      outPackets: sum(STATISTICS.OUT_PACKETS),
      inBytes: sum(STATISTICS.IN_BYTES),
      outBytes: sum(STATISTICS.OUT_BYTES),
    };
  }

  load(row: number): Load {
    const at = (row * LOAD.BYTES) >> 2;
    return {
      active: Math.max(0, this.#loads[at]!),
      inactive: Math.max(0, this.#loads[at + 1]!),
    };
  }

  incidents(): Incidents {
    const { counters } = this.#kernel.maps;
    const read = (row: number): number => {
      const value = counters.lookup(rowKey(row))!;
      return Number(new BigUint64Array(value.slice().buffer).reduce((a, b) => a + b, 0n));
    };
    const names = Object.keys(COUNTER).filter((name) => name !== "ROWS");
    return Object.fromEntries(
      names.map((name) => [name, read(COUNTER[name as keyof typeof COUNTER])]),
    ) as unknown as Incidents;
  }

  close(): void {
    for (const mapping of this.#mappings) mapping.unmap();
  }
}
