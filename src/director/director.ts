import { Netlink } from "#io/netlink.ts";
import type { Board } from "#plan/board.ts";
import { forwardingOf, translates } from "#plan/forwarding.ts";
import type { BackendPlan, DirectorPlan, Plan, ServicePlan } from "#plan/plan.ts";
import type { TableCount } from "#plan/table-count.ts";
import { Allotment } from "./allotment.ts";
import { placeOf, translatedSlots } from "./compose.ts";
import { Exits } from "./exits.ts";
import type { ServerFacts } from "./facts.ts";
import { GoneServers } from "./gone-servers.ts";
import { type UnservedServer, unserved } from "./here.ts";
import { hookFor } from "./hook-choice.ts";
import { Interfaces, type Taking } from "./interfaces.ts";
import { Kernel } from "./kernel.ts";
import { type ProbePath, Probes } from "./probes.ts";
import { ReplySenders } from "./reply-senders.ts";
import { type PlacedServer, Roster } from "./roster.ts";
import { RowTable } from "./row-table.ts";
import { ensureSecret } from "./secret.ts";
import { ServerRows } from "./server-rows.ts";
import { Services } from "./services.ts";
import { Settings } from "./settings.ts";
import { kernelSizesFor } from "./sizes.ts";
import { Xdp, type XdpStatus } from "./xdp.ts";

/** Routes that are asked for again at once: each takes some 20 µs. */
const ROUTES_AT_ONCE = 64;

/**
 * Fills the director's maps with what the Plan says and the Board knows, and has the program run on
 * the interfaces. What is in the kernel goes on when this ends.
 */
export class Director {
  readonly kernel: Kernel;
  readonly allotment: Allotment;
  readonly #netlink = new Netlink();
  readonly #settings: Settings;
  readonly #roster: Roster;
  readonly #servers: ServerRows;
  readonly #gone: GoneServers;
  readonly #services: Services;
  readonly #replySenders: ReplySenders;
  readonly #exits: Exits;
  readonly #probes: Probes;
  readonly #interfaces: Interfaces;
  readonly #xdp: Xdp;
  #plan: Plan | undefined;
  /** How often services, servers or their rows were changed. */
  #epoch = 0;

  private constructor(kernel: Kernel, board: Board) {
    const { maps } = kernel;
    this.kernel = kernel;
    const services = new RowTable(maps.services);
    const rows = {
      destinations: new RowTable(maps.destinations),
      routes: new RowTable(maps.routes),
    };
    this.allotment = new Allotment(services, rows.destinations);
    this.#roster = new Roster(board, this.allotment);
    this.#servers = new ServerRows(maps, this.#netlink, this.allotment, rows);
    this.#gone = new GoneServers(this.allotment, this.#roster, this.#servers);
    this.#services = new Services(maps, services, this.allotment);
    this.#replySenders = new ReplySenders(maps);
    this.#settings = new Settings(kernel, this.#netlink, this.#replySenders);
    this.#exits = new Exits(kernel, this.#netlink);
    this.#probes = new Probes(kernel, this.#netlink, this.#exits);
    this.#interfaces = new Interfaces(kernel, this.#netlink);
    this.#xdp = new Xdp(kernel, this.#netlink, rows.routes);
  }

  /**
   * Opens what is in the kernel under the Plan's name, or makes it. Nothing is changed before
   * `apply`. Throws an Error that says what is missing.
   */
  static open(plan: Plan, director: DirectorPlan, board: Board): Director {
    const kernel = Kernel.open(director.pins, kernelSizesFor(plan, director));
    try {
      ensureSecret(kernel.maps[".bss.secret"]);
      const opened = new Director(kernel, board);
      if (kernel.adopted) opened.allotment.adopt(plan);
      return opened;
    } catch (error) {
      kernel.close();
      throw error;
    }
  }

  get plan(): Plan | undefined {
    return this.#plan;
  }

  /** A number that changes with services, servers and their rows. */
  get epoch(): number {
    return this.#epoch;
  }

  get taking(): readonly Taking[] {
    return this.#interfaces.taking;
  }

  /** Interfaces may have come, or come back; see Interfaces.follow. */
  followInterfaces(): readonly Taking[] {
    const changed = this.#interfaces.follow();
    if (changed.length > 0 && this.#plan?.director) this.#followExits(this.#plan);
    return changed;
  }

  /** Undefined where XDP is not wanted. */
  get xdp(): XdpStatus | undefined {
    return this.#xdp.status;
  }

  /** Puts a Plan in force. Throws an Error, with the Plan in force only in part. */
  apply(plan: Plan, director: DirectorPlan): void {
    this.allotment.assign(plan);
    this.#plan = plan;
    this.#epoch++;
    this.#roster.assign(plan);
    this.#settings.apply(plan, director);
    const { backends } = this.#roster;
    this.#readServers(backends, director);
    this.#gone.find(plan);
    this.#writeBackends(backends);
    this.#writeReplySenders(plan);
    this.#services.writeLookups(plan.services);
    this.#gone.retire(plan);
    this.#servers.settleRoutes();
    this.#interfaces.apply({ ...director, hook: hookFor(plan, director) });
    this.#xdp.apply(director.xdp ? director.interfaces : []);
    this.#followExits(plan);
  }

  /** Follows what the Board says of servers since. True when something changed. */
  refresh(): boolean {
    const plan = this.#plan;
    if (!plan?.director) return false;
    const changed = this.#roster.changed();
    if (changed.length === 0) return false;
    const moved = this.#readServers(changed, plan.director);
    this.#epoch++;
    this.#writeBackends(changed);
    const translated = translatedSlots(plan);
    if (moved.some(({ slot }) => translated.has(slot))) this.#writeReplySenders(plan);
    this.#followExits(plan);
    return true;
  }

  /**
   * Asks the routing table again for some servers; all of them have their turn. True when something
   * changed.
   */
  refreshRoutes(): boolean {
    const plan = this.#plan;
    if (!plan) return false;
    if (!this.#servers.refreshRoutes(ROUTES_AT_ONCE)) {
      if (this.#probes.dependsOnAddresses) this.#followExits(plan);
      return false;
    }
    for (const service of plan.services) {
      for (const { row, facts } of this.rowsOf(service)) this.#servers.writeRoute(row, facts);
    }
    this.#gone.writeRoutes();
    this.#servers.flush();
    this.#followExits(plan);
    return true;
  }

  /**
   * The table was looked through: what servers that are gone had is free where `isIdle` says so.
   */
  settle(isIdle: (row: number) => boolean): void {
    const plan = this.#plan;
    if (!plan) return;
    if (this.#gone.settle(isIdle)) this.#writeReplySenders(plan);
    this.allotment.settle(plan, isIdle);
  }

  /** The connection table was counted: what is done against a shortage is done from now on. */
  defend(table: TableCount): void {
    const plan = this.#plan;
    if (plan?.director) this.#settings.defend(table, plan, plan.director);
  }

  /** Follows neighbours and interfaces for XDP, which goes on for some seconds without. */
  followXdp(): void {
    this.#xdp.follow();
  }

  /** Servers that get nothing, or not all, because they are on this machine. */
  unservedServers(): UnservedServer[] {
    return this.#localServers().flatMap(({ service, facts }) => unserved(service, facts) ?? []);
  }

  /** On this machine, where packets are translated. */
  #localServers(): { readonly service: ServicePlan; readonly facts: ServerFacts }[] {
    return (this.#plan?.services ?? []).flatMap((service) =>
      this.rowsOf(service)
        .filter(({ facts }) => translates(forwardingOf(service, facts).method))
        .filter(({ row }) => this.#servers.isLocal(row))
        .map(({ facts }) => ({ service, facts })),
    );
  }

  /** How the check of a server gets to it as packets of the service do. */
  pathTo(service: string, server: string): ProbePath {
    const plan = this.#plan?.services.find(({ name }) => name === service);
    const found = plan && this.rowsOf(plan).find(({ facts }) => facts.name === server);
    return found ? this.#probes.pathTo(found.row) : { problem: `service ${service} is not there` };
  }

  /** Rows of a Plan's service, in the order of the configuration. */
  rowsOf(service: ServicePlan): readonly PlacedServer[] {
    return this.#roster.rowsOf(service);
  }

  /** A copy of a row of `destinations`; undefined where there is no such row. */
  destination(row: number): Uint8Array | undefined {
    return this.#servers.get(row);
  }

  /** Replies of that server do not say by themselves whose they are; see composeServers. */
  isAmbiguous(key: Uint8Array): boolean {
    return this.#replySenders.isAmbiguous(key);
  }

  /** Closes our descriptors; packets go on. */
  close(): void {
    this.#xdp.close();
    this.#netlink.close();
    this.#services.close();
    this.kernel.close();
  }

  /**
   * Takes what the Board says of backends' servers into their rows. Returns backends of which some
   * are elsewhere now.
   */
  #readServers(backends: readonly BackendPlan[], { expireNodest }: DirectorPlan): BackendPlan[] {
    const moved = this.#roster.read(backends);
    this.#servers.learn(backends.flatMap((backend) => this.#roster.factsOf(backend)));
    for (const backend of backends) {
      const ends = backend.killOnDown || expireNodest;
      for (const service of this.#roster.servicesOf(backend)) {
        for (const placed of this.rowsOf(service)) this.#servers.write(placed, service, ends);
      }
    }
    return moved;
  }

  /** Looks at packets of this machine where they leave, as far as somebody needs it. */
  #followExits(plan: Plan): void {
    this.#probes.follow(plan, this.#roster, this.#servers);
    this.#exits.apply({
      probed: this.#probes.interfaces,
      taken: plan.director!.interfaces,
      isServing: this.#localServers().length > 0,
    });
  }

  /** Servers first, then the tables that name them, then the services that name those. */
  #writeBackends(backends: readonly BackendPlan[]): void {
    this.#servers.flush();
    this.#services.writePools(backends, this.#roster);
  }

  /** Those of servers that are there, and of those that are gone. */
  #writeReplySenders({ services }: Plan): void {
    this.#replySenders.write(services, (service) => [
      ...this.rowsOf(service).map(({ facts }) => placeOf(service, facts)),
      ...this.#gone.placesOf(service),
    ]);
  }
}
