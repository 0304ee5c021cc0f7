/** What is counted of a server or service. */
export interface Counts {
  readonly connections: number;
  readonly inPackets: number;
  readonly outPackets: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

export const NO_COUNTS: Counts = Object.freeze({
  connections: 0,
  inPackets: 0,
  outPackets: 0,
  inBytes: 0,
  outBytes: 0,
});

const NAMES = Object.keys(NO_COUNTS) as (keyof Counts)[];

function each(value: (name: keyof Counts) => number): Counts {
  return Object.fromEntries(NAMES.map((name) => [name, value(name)])) as unknown as Counts;
}

export const addCounts = (a: Counts, b: Counts): Counts => each((name) => a[name] + b[name]);

/** Seconds between two looks. */
export const ESTIMATE_SECONDS = 2;

/**
 * Rates a second as IPVS computes them (net/netfilter/ipvs/ip_vs_est.c): every two seconds the
 * average goes a quarter of the way to what was just seen.
 */
export class Estimator {
  #last: Counts;
  #rates: Counts = NO_COUNTS;

  constructor(counts: Counts) {
    this.#last = counts;
  }

  get rates(): Counts {
    return this.#rates;
  }

  update(counts: Counts): void {
    const last = this.#last;
    const before = this.#rates;
    this.#rates = each((name) => {
      // Counts begin again when a row is given to another server.
      const rate = Math.max(0, counts[name] - last[name]) / ESTIMATE_SECONDS;
      return before[name] + (rate - before[name]) / 4;
    });
    this.#last = counts;
  }
}
