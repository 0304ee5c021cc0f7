import { formatIp } from "#base/ip.ts";
import { DESTINATION } from "#plan/director-layout.ts";
import { forwardingOf } from "#plan/forwarding.ts";
import type { ServicePlan } from "#plan/plan.ts";
import { throwsOut } from "./defence.ts";
import type { Director } from "./director.ts";
import { Estimator } from "./estimator.ts";
import { Readings } from "./readings.ts";
import { rowKey } from "./rows.ts";
import {
  type ConnectionStatus,
  type ConnectionTable,
  type DirectorStatus,
  readConnection,
  type ServerStatus,
  type ServiceStatus,
  stateName,
} from "./status.ts";
import { type PassVisitor, Sweeper } from "./sweeper.ts";
import { TemplateKeeper } from "./template-keeper.ts";
import { templatesOf } from "./templates.ts";
import { kernelTicks, msOfTicks } from "./ticks.ts";
import { timeoutsIn } from "./timeouts.ts";
import { type RowReader, Totals } from "./totals.ts";

/** What was seen of a service. */
interface Seen {
  readonly totals: Totals;
  readonly estimator: Estimator;
  /** By server. */
  readonly servers: Map<string, Estimator>;
}

/** Looks at what a director does: counts, rates, connections; and keeps its table swept. */
export class Watch {
  readonly #director: Director;
  readonly #readings: Readings;
  readonly sweeper: Sweeper;
  readonly #keeper: TemplateKeeper;
  /** Who sees connections pass by pass. */
  visitor: PassVisitor | undefined;
  readonly #services = new Map<string, Seen>();
  readonly #rows: RowReader;

  constructor(director: Director) {
    this.#director = director;
    this.#readings = new Readings(director.kernel);
    this.sweeper = new Sweeper(director.kernel);
    this.#keeper = new TemplateKeeper(director.kernel, () => {
      const services = director.plan?.services ?? [];
      return Math.min(...services.map(({ persistence }) => persistence?.timeoutMs ?? Infinity));
    });
    this.#rows = {
      counts: (row) => this.#readings.counts(row),
      generation: (row) => director.allotment.owner(row).generation,
    };
  }

  /** A step of the sweep; true when a pass is done. */
  sweep(): boolean {
    const { plan, kernel } = this.#director;
    const size = kernel.maps.connections.maxEntries;
    const done = this.sweeper.step({
      throwsOut: plan?.director
        ? throwsOut(plan.director, { count: this.sweeper.count, size })
        : false,
      countsSources: plan?.services.some(({ maxPerSource }) => maxPerSource > 0) ?? false,
      visitors: this.visitor ? [this.#keeper, this.visitor] : [this.#keeper],
    });
    if (done && plan) {
      this.#director.defend({ count: this.sweeper.count, size });
      this.#director.settle((row) => this.sweeper.isIdle(row));
    }
    return done;
  }

  /**
   * Takes down what was counted: to be called before rows change hands, and after, so that rates
   * of those who are new begin with what they have.
   */
  look(): void {
    const services = this.#director.plan?.services ?? [];
    const names = new Set(services.map(({ name }) => name));
    for (const name of this.#services.keys()) if (!names.has(name)) this.#services.delete(name);
    for (const service of services) this.#look(service);
  }

  /** To be called every ESTIMATE_SECONDS. */
  estimate(): void {
    for (const service of this.#director.plan?.services ?? []) {
      const { totals, estimator, servers } = this.#look(service);
      estimator.update(totals.sum());
      for (const [server, one] of servers) one.update(totals.of(server));
    }
  }

  #look(service: ServicePlan): Seen {
    const rows = this.#director
      .rowsOf(service)
      .map(({ row, facts }) => ({ row, server: facts.name }));
    const known = this.#services.get(service.name);
    const totals = known?.totals ?? new Totals();
    totals.update(rows, this.#rows);
    const seen = known ?? { totals, estimator: new Estimator(totals.sum()), servers: new Map() };
    this.#services.set(service.name, seen);
    const present = new Set(rows.map(({ server }) => server));
    for (const server of seen.servers.keys()) if (!present.has(server)) seen.servers.delete(server);
    for (const server of present) {
      if (!seen.servers.has(server)) seen.servers.set(server, new Estimator(totals.of(server)));
    }
    return seen;
  }

  connectionTable(): ConnectionTable {
    const { maps, wanted } = this.#director.kernel;
    const size = maps.connections.maxEntries;
    return { count: this.sweeper.count, size, wanted: wanted["connections"]! };
  }

  status(): DirectorStatus {
    const { plan, taking, xdp } = this.#director;
    const services = plan?.services ?? [];
    return {
      problem: undefined,
      interfaces: taking,
      ...(xdp && { xdp }),
      connections: this.connectionTable(),
      incidents: this.#readings.incidents(),
      services: services.map((service) => this.#serviceStatus(service)),
    };
  }

  #serviceStatus(service: ServicePlan): ServiceStatus {
    const { name, protocols, binds, mark, markFamily, method, persistence } = service;
    const backend = this.#director.plan!.backends[service.backend]!;
    const { totals, estimator, servers } = this.#look(service);
    return {
      ...{ name, protocols, binds, mark, markFamily, method, persistence },
      backend: backend.name,
      scheduler: backend.balance.name,
      onePacket: service.onePacket,
      counts: totals.sum(),
      rates: estimator.rates,
      servers: this.#director.rowsOf(service).map(({ row, facts }): ServerStatus => {
        return {
          name: facts.name,
          ...forwardingOf(service, facts),
          host: facts.address ? formatIp(facts.address) : "",
          port: facts.port,
          weight: facts.weight,
          upper: facts.upper,
          lower: facts.lower,
          counts: totals.of(facts.name),
          rates: servers.get(facts.name)!.rates,
          ...this.#readings.load(row),
        };
      }),
    };
  }

  /** At most so many connections of the table, in its order; behind them templates. */
  connections(limit: number, onlyTemplates: boolean): ConnectionStatus[] {
    const found = onlyTemplates ? [] : this.#tracked(limit);
    const { plan, kernel } = this.#director;
    const services = (plan?.services ?? []).filter(({ persistence }) => persistence);
    if (services.length === 0) return found;
    return [...found, ...templatesOf(kernel, services).take(limit - found.length)];
  }

  #tracked(limit: number): ConnectionStatus[] {
    const { maps } = this.#director.kernel;
    const timeouts = timeoutsIn(this.#director.kernel.configuration);
    const now = kernelTicks();
    const services = this.#director.plan?.services ?? [];
    const names = new Map(services.map(({ slot, name }) => [slot, name]));
    const found: ConnectionStatus[] = [];
    for (const { keys, values, count } of maps.connections.batches()) {
      for (let i = 0; i < count && found.length < limit; i++) {
        const key = keys.subarray(i * maps.connections.keyBytes);
        const value = values.subarray(i * maps.connections.slotBytes);
        const { seen, state, row, generation, ...flow } = readConnection(key, value);
        const left = timeouts[state]! - ((now - seen) | 0);
        if (left < 0) continue;
        const expiresMs = Math.round(msOfTicks(left));
        const { server, serverPort, service } = this.#serverOf(row, generation);
        const serviceName = names.get(service) ?? "";
        const at = { serviceName, server, serverPort: serverPort || flow.servicePort };
        found.push({ ...flow, ...at, state: stateName(state), expiresMs });
      }
      if (found.length >= limit) break;
    }
    return found;
  }

  /** `service`: its slot; -1: the row is another server's by now. */
  #serverOf(row: number, generation: number) {
    const value = this.#director.kernel.maps.destinations.lookup(rowKey(row));
    if (!value) return { server: "", serverPort: 0, service: -1 };
    const view = new DataView(value.buffer);
    const isSame = view.getUint32(DESTINATION.GENERATION, true) === generation;
    return {
      server: formatIp(value, DESTINATION.ADDRESS),
      serverPort: view.getUint16(DESTINATION.PORT),
      service: isSame ? view.getUint32(DESTINATION.SERVICE, true) : -1,
    };
  }

  close(): void {
    this.#readings.close();
    this.sweeper.close();
  }
}
