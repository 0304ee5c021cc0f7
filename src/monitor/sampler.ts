import type { Clock } from "#base/clock.ts";
import {
  BACKEND,
  BACKEND_TOTALS,
  type Board,
  FRONTEND_TOTALS,
  HISTOGRAM,
  SERVER_TOTALS,
  WORKER,
} from "#plan/board.ts";
import type { Layout } from "#plan/layout.ts";
import type { Plan } from "#plan/plan.ts";
import { merge } from "#traffic/histogram.ts";
import { History } from "./history.ts";
import { LatencyWindow } from "./latency.ts";
import { Meter, type Metered, MeterSum } from "./meter.ts";
import { sumRow, type TimesTable } from "./totals.ts";

const RATES = ["REQUESTS", "BYTES_IN", "BYTES_OUT", "STATUS_4XX", "STATUS_5XX"] as const;
const FRONTEND_RATES = [...RATES, "CONNECTIONS"] as const;
const SERVER_RATES = [...RATES, "RESPONSE_MS"] as const;

type Columns<L> = L extends Layout<infer C> ? C : never;
type FrontendColumn = Columns<typeof FRONTEND_TOTALS>;
type FrontendRate = (typeof FRONTEND_RATES)[number];
type ServerColumn = Columns<typeof SERVER_TOTALS>;

export type Whole = Metered<FrontendColumn, FrontendRate>;
export type FrontendMeter = Timed<FrontendColumn, FrontendRate>;
export type BackendMeter = Timed<Columns<typeof BACKEND_TOTALS>, (typeof RATES)[number]>;
export type ServerMeter = Meter<ServerColumn, (typeof SERVER_RATES)[number]>;

/** A meter of something that has a histogram beside its totals. */
class Timed<C extends string, R extends C> extends Meter<C, R> {
  readonly latency = new LatencyWindow();
}

/** Part of `of`, or null when there is nothing to have a part of. */
export const share = (part: number, of: number): number | null => (of > 0 ? part / of : null);

/**
 * Reads the Board once a second, sums over the workers, and knows what follows from two readings:
 * rates, latency of the last second and minute, 15 minutes of history. Changes nothing and asks
 * nobody.
 */
export class Sampler {
  readonly #board: Board;
  readonly #clock: Clock;
  readonly #whole: MeterSum<FrontendColumn, FrontendRate>;
  readonly #row = new Float64Array(HISTOGRAM.BUCKETS);
  #frontends = new Map<string, FrontendMeter>();
  #backends = new Map<string, BackendMeter>();
  #servers = new Map<string, ServerMeter>();

  /** All frontends together. */
  readonly whole: Whole;
  readonly latency = new LatencyWindow();
  readonly history = new History();
  /** Requests being served or queued. */
  inFlight = 0;
  /** Client connections open. */
  connections = 0;

  constructor(board: Board, clock: Clock) {
    this.#board = board;
    this.#clock = clock;
    this.whole = this.#whole = new MeterSum(FRONTEND_RATES, clock);
  }

  frontend(name: string): FrontendMeter | undefined {
    return this.#frontends.get(name);
  }

  backend(name: string): BackendMeter | undefined {
    return this.#backends.get(name);
  }

  server(backend: string, name: string): ServerMeter | undefined {
    return this.#servers.get(`${backend}/${name}`);
  }

  /** Takes a reading. Meters of what the Plan no longer has are dropped. */
  sample(plan: Plan): void {
    this.#sampleFrontends(plan);
    this.#sampleBackends(plan);
    this.#sampleServers(plan);
    this.#readGauges(plan);
    this.#remember();
  }

  #sampleFrontends(plan: Plan): void {
    const make = (slot: number) =>
      new Timed<FrontendColumn, FrontendRate>(slot, FRONTEND_RATES, this.#clock);
    this.#frontends = renew(this.#frontends, plan.frontends, make);
    const all = new Float64Array(HISTOGRAM.BUCKETS);
    for (const meter of this.#frontends.values()) {
      meter.sample(sumRow(this.#board, "frontends", FRONTEND_TOTALS, meter.slot));
      meter.latency.sample(this.#times("frontendTimes", meter.slot));
      merge(all, 0, meter.latency.last, 0);
    }
    this.#whole.sample(this.#frontends.values());
    this.latency.push(all);
  }

  #sampleBackends(plan: Plan): void {
    const make = (slot: number): BackendMeter => new Timed(slot, RATES, this.#clock);
    this.#backends = renew(this.#backends, plan.backends, make);
    for (const meter of this.#backends.values()) {
      meter.sample(sumRow(this.#board, "backends", BACKEND_TOTALS, meter.slot));
      meter.latency.sample(this.#times("backendTimes", meter.slot));
    }
  }

  #sampleServers(plan: Plan): void {
    const servers = plan.backends.flatMap((backend) =>
      backend.servers.map(({ name, slot }) => ({ name: `${backend.name}/${name}`, slot })),
    );
    const make = (slot: number): ServerMeter => new Meter(slot, SERVER_RATES, this.#clock);
    this.#servers = renew(this.#servers, servers, make);
    for (const meter of this.#servers.values()) {
      meter.sample(sumRow(this.#board, "servers", SERVER_TOTALS, meter.slot));
    }
  }

  /** A histogram summed over the workers; valid until the next call. */
  #times(table: TimesTable, slot: number): Float64Array {
    this.#row.fill(0);
    for (const worker of this.#board.totals) {
      merge(this.#row, 0, worker[table], slot * HISTOGRAM.BUCKETS);
    }
    return this.#row;
  }

  #readGauges(plan: Plan): void {
    const { backends, workers, sizes } = this.#board;
    this.inFlight = plan.backends.reduce((sum, { slot }) => {
      const row = slot * BACKEND.size;
      return sum + backends[row + BACKEND.ACTIVE]! + backends[row + BACKEND.QUEUED]!;
    }, 0);
    this.connections = 0;
    for (let worker = 0; worker < sizes.workers; worker++) {
      this.connections += workers[worker * WORKER.size + WORKER.CONNECTIONS]!;
    }
  }

  #remember(): void {
    const { whole } = this;
    const requestsPerSecond = whole.rate("REQUESTS").current;
    this.history.push(
      {
        requestsPerSecond,
        inFlight: this.inFlight,
        connections: this.connections,
        ...this.latency.second(),
        errorShare: share(whole.rate("STATUS_5XX").current, requestsPerSecond),
        bytesInPerSecond: whole.rate("BYTES_IN").current,
        bytesOutPerSecond: whole.rate("BYTES_OUT").current,
      },
      this.#clock.wallMs(),
    );
  }
}

/** Meters for exactly these: those that kept their slot are kept, others are made. */
function renew<M extends { readonly slot: number }>(
  before: ReadonlyMap<string, M>,
  wanted: readonly { readonly name: string; readonly slot: number }[],
  make: (slot: number) => M,
): Map<string, M> {
  return new Map(
    wanted.map((of) => {
      const known = before.get(of.name);
      return [of.name, known?.slot === of.slot ? known : make(of.slot)];
    }),
  );
}
