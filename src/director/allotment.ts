import { DESTINATION, SERVICE } from "#plan/director-layout.ts";
import { DESTINATION_FLAG } from "#plan/director-numbers.ts";
import type { Plan, ServicePlan } from "#plan/plan.ts";
import { rowIdentity } from "#plan/row-identity.ts";
import { Blocks } from "./blocks.ts";
import type { Block } from "./compose.ts";
import { FormerRuns, type Run } from "./former-runs.ts";
import { Members } from "./members.ts";
import type { RowTable } from "./row-table.ts";

/** Rows a service gets at least: most grow a little. */
const LEAST_ROWS = 8;

/**
 * Which rows of `destinations` are whose: a run of rows for each service, and in it one for each
 * server, at the number the server has in its backend. Connections name their row, so a row stays
 * its server's until none is left. A service that is pointed at another backend gets another run.
 */
export class Allotment {
  readonly #destinations: RowTable;
  readonly #services: RowTable;
  readonly #blocks: Blocks;
  readonly #members = new Map<string, Members>();
  /** By the service's name. */
  readonly #byService = new Map<string, Run>();
  readonly #former = new FormerRuns();
  /** Rows of runs that were given up. */
  readonly #leaving = new Set<number>();

  constructor(services: RowTable, destinations: RowTable) {
    this.#services = services;
    this.#destinations = destinations;
    this.#blocks = new Blocks(destinations.rows);
  }

  blockOf(service: ServicePlan): Block {
    return this.#byService.get(service.name)!;
  }

  /** Rows of runs that were given up, in which there may still be connections. */
  get leaving(): ReadonlySet<number> {
    return this.#leaving;
  }

  /** The number of a server in its backend. */
  numberOf(backend: string, server: string): number {
    return this.#members.get(backend)!.get(server)!;
  }

  /**
   * Takes over what the control before left in the maps: runs of services of the same name, and the
   * numbers of servers of the same name in them.
   */
  adopt(plan: Plan): void {
    const runs = new Map<number, Block>();
    for (let row = 0; row < this.#services.rows; row++) {
      const capacity = this.#services.u32(row, SERVICE.CAPACITY);
      const base = this.#services.u32(row, SERVICE.BASE);
      if (capacity === 0 || base + capacity > this.#blocks.limit) continue;
      runs.set(this.#services.u32(row, SERVICE.IDENTITY) | 0, { base, capacity });
      this.#blocks.take(base, capacity);
      for (let i = 0; i < capacity; i++) this.#leaving.add(base + i);
    }
    // Of runs that were given up before, what is still somebody's.
    for (let row = 0; row < this.#destinations.rows; row++) {
      if (this.owner(row).flags === 0) continue;
      this.#blocks.take(row, 1);
      this.#leaving.add(row);
    }
    for (const service of plan.services) {
      const block = runs.get(rowIdentity(service.name));
      if (block && this.#adoptMembers(plan, service, block)) {
        const backend = plan.backends[service.backend]!.name;
        this.#byService.set(service.name, { ...block, backend });
        for (let i = 0; i < block.capacity; i++) this.#leaving.delete(block.base + i);
      }
    }
  }

  /** False when the numbers in this run are not those in another of the same backend. */
  #adoptMembers(plan: Plan, service: ServicePlan, { base, capacity }: Block): boolean {
    const backend = plan.backends[service.backend]!;
    const members = this.#membersOf(backend.name);
    const names = new Map(
      backend.servers.map(({ name }) => [rowIdentity(`${backend.name}/${name}`), name]),
    );
    for (let i = 0; i < capacity; i++) {
      const { identity, flags } = this.owner(base + i);
      const name = names.get(identity);
      if (name !== undefined && !members.adopt(name, i)) return false;
      // A server that is no longer configured: its connections run out under a name of their own.
      if (name === undefined && flags !== 0) members.adopt(`\0${identity}`, i);
    }
    return true;
  }

  /** Gives everybody a row. Throws an Error when there are not enough. */
  assign(plan: Plan): void {
    const names = new Set(plan.services.map(({ name }) => name));
    for (const name of this.#byService.keys()) if (!names.has(name)) this.#giveUp(name);
    for (const service of plan.services) {
      const backend = plan.backends[service.backend]!;
      const members = this.#membersOf(backend.name);
      members.assign(backend.servers.map(({ name }) => name));
      const before = this.#byService.get(service.name);
      const isEnough = before !== undefined && before.capacity >= members.span;
      if (isEnough && before.backend === backend.name) continue;
      const run = this.#takeBack(service, backend.name) ?? this.#allocate(backend.name);
      if (run) {
        this.#giveUp(service.name);
        this.#byService.set(service.name, run);
      } else if (isEnough) {
        // Without a row to spare, what the backend before had is lost.
        this.#byService.set(service.name, { ...before, backend: backend.name });
      } else {
        throw new Error(`${this.#blocks.limit} rows for servers of services are too few`);
      }
    }
  }

  #allocate(backend: string): Run | undefined {
    const { span } = this.#membersOf(backend);
    let capacity = LEAST_ROWS;
    while (capacity < span) capacity *= 2;
    const base = this.#blocks.allocate(capacity);
    return base === undefined ? undefined : { base, capacity, backend };
  }

  /** The run that the service had with this backend before, if its rows are not others' by now. */
  #takeBack(service: ServicePlan, backend: string): Run | undefined {
    const members = this.#membersOf(backend);
    const identities = new Map(
      members.entries().map(([name, number]) => [number, rowIdentity(`${backend}/${name}`)]),
    );
    const isGood = ({ base, capacity }: Run): boolean => {
      if (capacity < members.span) return false;
      for (let i = 0; i < capacity; i++) {
        if (this.#blocks.isFree(base + i)) continue;
        const { service: slot, identity } = this.owner(base + i);
        const isOwn = slot === service.slot && identity === identities.get(i);
        const isOthers = identities.has(i) && identity !== 0 && !isOwn;
        if (!this.#leaving.has(base + i) || isOthers) return false;
      }
      return true;
    };
    const run = this.#former.take(service.name, backend, isGood);
    if (!run) return undefined;
    this.#blocks.take(run.base, run.capacity);
    for (let i = 0; i < run.capacity; i++) this.#leaving.delete(run.base + i);
    return run;
  }

  #membersOf(backend: string): Members {
    let members = this.#members.get(backend);
    if (!members) {
      members = new Members();
      this.#members.set(backend, members);
    }
    return members;
  }

  #giveUp(service: string): void {
    const run = this.#byService.get(service);
    if (!run) return;
    this.#byService.delete(service);
    this.#former.add(service, run);
    for (let i = 0; i < run.capacity; i++) this.#leaving.add(run.base + i);
  }

  /** Whose a row is, as it stands in the map. */
  owner(row: number): { service: number; identity: number; generation: number; flags: number } {
    const rows = this.#destinations;
    return {
      service: rows.u32(row, DESTINATION.SERVICE),
      identity: rows.u32(row, DESTINATION.IDENTITY) | 0,
      generation: rows.u32(row, DESTINATION.GENERATION),
      flags: rows.u8(row, DESTINATION.FLAGS) & DESTINATION_FLAG.PRESENT,
    };
  }

  /** Frees rows of runs given up, and numbers of servers that are gone, where `isIdle` says so. */
  settle(plan: Plan, isIdle: (row: number) => boolean): void {
    for (const row of this.#leaving) {
      if (!isIdle(row)) continue;
      this.#leaving.delete(row);
      this.#blocks.release(row);
    }
    this.#former.keep(this.#leaving);
    for (const backend of plan.backends) {
      const members = this.#members.get(backend.name);
      if (!members) continue;
      const configured = new Set(backend.servers.map(({ name }) => name));
      const runs = plan.services
        .filter((service) => plan.backends[service.backend] === backend)
        .map((service) => this.blockOf(service));
      for (const [name, number] of members.entries()) {
        if (configured.has(name)) continue;
        if (runs.every(({ base, capacity }) => number >= capacity || isIdle(base + number))) {
          members.release(name);
        }
      }
    }
  }
}
