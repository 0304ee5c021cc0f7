/**
 * Runs of rows: each owner has one, and grows by getting a longer one somewhere else. Of a run
 * given up a row is free when `release` is told of it.
 */
export class Blocks {
  readonly limit: number;
  readonly #taken: Uint8Array;

  constructor(limit: number) {
    this.limit = limit;
    this.#taken = new Uint8Array(limit);
  }

  /** Marks rows as somebody's already. */
  take(base: number, rows: number): void {
    this.#taken.fill(1, base, base + rows);
  }

  isFree(row: number): boolean {
    return this.#taken[row] === 0;
  }

  /** Finds so many free rows in one run, and takes them: the first, or undefined. */
  allocate(rows: number): number | undefined {
    let run = 0;
    for (let row = 0; row < this.limit; row++) {
      run = this.#taken[row] === 0 ? run + 1 : 0;
      if (run < rows) continue;
      const base = row - rows + 1;
      this.take(base, rows);
      return base;
    }
    return undefined;
  }

  release(row: number): void {
    this.#taken[row] = 0;
  }
}
