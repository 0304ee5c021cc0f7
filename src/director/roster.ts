import { BACKEND, type Board } from "#plan/board.ts";
import type { BackendPlan, Plan, ServicePlan } from "#plan/plan.ts";
import type { Allotment } from "./allotment.ts";
import { isElsewhere, readFacts, type ServerFacts } from "./facts.ts";

/** A server, and its row of `destinations` for one service. */
export interface PlacedServer {
  readonly row: number;
  readonly facts: ServerFacts;
}

/** The servers of a Plan's services, as the Board had them when it was read, and their rows. */
export class Roster {
  readonly #board: Board;
  readonly #allotment: Allotment;
  /** By the backend's name. */
  readonly #facts = new Map<string, readonly ServerFacts[]>();
  /** By the backend's slot. */
  readonly #epochs = new Map<number, number>();
  #plan: Plan | undefined;
  #byBackend: ReadonlyMap<BackendPlan, readonly ServicePlan[]> = new Map();

  constructor(board: Board, allotment: Allotment) {
    this.#board = board;
    this.#allotment = allotment;
  }

  /** That Plan's services from now on; `read` is to follow for all backends. */
  assign(plan: Plan): void {
    this.#plan = plan;
    this.#byBackend = Map.groupBy(plan.services, ({ backend }) => plan.backends[backend]!);
  }

  /** Those that services use. */
  get backends(): readonly BackendPlan[] {
    return [...this.#byBackend.keys()];
  }

  servicesOf(backend: BackendPlan): readonly ServicePlan[] {
    return this.#byBackend.get(backend)!;
  }

  /** In the order of the configuration. */
  factsOf(backend: BackendPlan): readonly ServerFacts[] {
    return this.#facts.get(backend.name) ?? [];
  }

  /** In the order of the configuration. */
  rowsOf(service: ServicePlan): readonly PlacedServer[] {
    const backend = this.#plan!.backends[service.backend]!;
    return this.factsOf(backend).map((facts) => {
      const number = this.#allotment.numberOf(backend.name, facts.name);
      return { row: this.#allotment.blockOf(service).base + number, facts };
    });
  }

  /** Backends of which the Board says something else since they were read. */
  changed(): BackendPlan[] {
    return this.backends.filter(({ slot }) => this.#epochs.get(slot) !== this.#epochOf(slot));
  }

  /** Takes the facts of backends. Returns those of which some servers are elsewhere now. */
  read(backends: readonly BackendPlan[]): BackendPlan[] {
    return backends.filter((backend) => {
      // First the epoch: what changes while we read is seen the next time.
      this.#epochs.set(backend.slot, this.#epochOf(backend.slot));
      const facts = readFacts(this.#board, backend);
      const before = this.#facts.get(backend.name);
      this.#facts.set(backend.name, facts);
      return !before || facts.some((server, i) => isElsewhere(server, before[i]));
    });
  }

  #epochOf(slot: number): number {
    return Atomics.load(this.#board.backends, slot * BACKEND.size + BACKEND.EPOCH);
  }
}
