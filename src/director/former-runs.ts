import type { Block } from "./compose.ts";

/** Rows of a service, at the numbers that servers have in this backend. */
export interface Run extends Block {
  /** Its name. */
  readonly backend: string;
}

/**
 * Runs that services have given up. A service that is pointed at a backend again may have its rows
 * of then back, and with them the connections in them.
 */
export class FormerRuns {
  /** By the service's name. */
  readonly #runs = new Map<string, Run[]>();

  add(service: string, run: Run): void {
    const runs = this.#runs.get(service);
    if (runs) runs.push(run);
    else this.#runs.set(service, [run]);
  }

  /** Takes out a run of the service that is good for the backend, where `isGood` says so. */
  take(service: string, backend: string, isGood: (run: Run) => boolean): Run | undefined {
    const runs = this.#runs.get(service) ?? [];
    const at = runs.findLastIndex((run) => run.backend === backend && isGood(run));
    return at < 0 ? undefined : runs.splice(at, 1)[0];
  }

  /** Forgets those of which nothing is left in `rows`. */
  keep(rows: ReadonlySet<number>): void {
    for (const [service, runs] of this.#runs) {
      const left = runs.filter(({ base, capacity }) =>
        Array.from({ length: capacity }, (_, i) => base + i).some((row) => rows.has(row)),
      );
      if (left.length > 0) this.#runs.set(service, left);
      else this.#runs.delete(service);
    }
  }
}
