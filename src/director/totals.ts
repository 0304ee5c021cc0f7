import { addCounts, type Counts, NO_COUNTS } from "./estimator.ts";

/** A row of `destinations` that counts for a server of the service now. */
export interface CountingRow {
  readonly row: number;
  readonly server: string;
}

/** What the kernel says of rows. */
export interface RowReader {
  counts(row: number): Counts;
  /** Changes when the row is given to somebody else, whose counts begin at nothing. */
  generation(row: number): number;
}

interface Entry {
  readonly server: string;
  readonly generation: number;
  counts: Counts;
}

/**
 * Counts of a service and its servers that only grow: servers leave, and a service that has become
 * larger has other rows, but what was counted was counted.
 */
export class Totals {
  /** Rows that are or were the service's and nobody else's since. */
  readonly #entries = new Map<number, Entry>();
  /** By server: what rows had that are others' by now. */
  readonly #kept = new Map<string, Counts>();
  #byServer = new Map<string, Counts>();
  #sum = NO_COUNTS;

  update(rows: readonly CountingRow[], reader: RowReader): void {
    for (const [row, entry] of this.#entries) {
      if (reader.generation(row) === entry.generation) entry.counts = reader.counts(row);
      else {
        this.#kept.set(
          entry.server,
          addCounts(this.#kept.get(entry.server) ?? NO_COUNTS, entry.counts),
        );
        this.#entries.delete(row);
      }
    }
    for (const { row, server } of rows) {
      if (this.#entries.has(row)) continue;
      const generation = reader.generation(row);
      this.#entries.set(row, { server, generation, counts: reader.counts(row) });
    }
    this.#byServer = new Map(this.#kept);
    for (const { server, counts } of this.#entries.values()) {
      this.#byServer.set(server, addCounts(this.of(server), counts));
    }
    this.#sum = [...this.#byServer.values()].reduce(addCounts, NO_COUNTS);
  }

  of(server: string): Counts {
    return this.#byServer.get(server) ?? NO_COUNTS;
  }

  sum(): Counts {
    return this.#sum;
  }
}
