/** Values once a second, in the order of the page's tiles; null = there was nothing to measure. */
export const HISTORY_COLUMNS = [
  "requestsPerSecond",
  "inFlight",
  "connections",
  "p50Ms",
  "p95Ms",
  "p99Ms",
  "errorShare",
  "bytesInPerSecond",
  "bytesOutPerSecond",
] as const;

export type HistoryColumn = (typeof HISTORY_COLUMNS)[number];
export type Moment = Readonly<Record<HistoryColumn, number | null>>;

/** Seconds that are kept. */
export const HISTORY_SECONDS = 900;

export interface HistoryDocument {
  readonly stepMs: number;
  /** Wall-clock milliseconds of the newest value. */
  readonly untilMs: number;
  /** Oldest first; all of one length. */
  readonly series: Readonly<Record<HistoryColumn, readonly (number | null)[]>>;
}

/** The last 15 minutes, a value of each column a second. */
export class History {
  readonly #rings = HISTORY_COLUMNS.map(() => new Float32Array(HISTORY_SECONDS));
  #count = 0;
  #untilMs = 0;

  push(moment: Moment, wallMs: number): void {
    for (const [i, column] of HISTORY_COLUMNS.entries()) {
      this.#rings[i]![this.#count % HISTORY_SECONDS] = moment[column] ?? Number.NaN;
    }
    this.#count++;
    this.#untilMs = wallMs;
  }

  document(): HistoryDocument {
    const length = Math.min(this.#count, HISTORY_SECONDS);
    const from = this.#count - length;
    const values = (ring: Float32Array) =>
      Array.from({ length }, (_, i) => {
        const value = ring[(from + i) % HISTORY_SECONDS]!;
        return Number.isNaN(value) ? null : Number(value.toPrecision(4));
      });
    const series = HISTORY_COLUMNS.map((column, i) => [column, values(this.#rings[i]!)]);
    return { stepMs: 1000, untilMs: this.#untilMs, series: Object.fromEntries(series) };
  }
}
