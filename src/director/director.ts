import { parseIp } from "#base/ip.ts";
import { Netlink } from "#io/netlink.ts";
import { BACKEND, type Board } from "#plan/board.ts";
import { DESTINATION, ROUTE } from "#plan/director-layout.ts";
import { DESTINATION_FLAG } from "#plan/director-numbers.ts";
import type { BackendPlan, DirectorPlan, Plan, ServicePlan } from "#plan/plan.ts";
import { Allotment } from "./allotment.ts";
import {
  composeConfig,
  composeDestination,
  composeServers,
  composeService,
  isAmbiguous,
  lookupsOf,
  placeIn,
  type ServerPlace,
  translates,
} from "./compose.ts";
import { dropRate, isSecure, NO_SHORTAGE, type Shortage } from "./defence.ts";
import { isElsewhere, readFacts, type ServerFacts } from "./facts.ts";
import { hookFor } from "./hook-choice.ts";
import { Interfaces, type Taking } from "./interfaces.ts";
import { findKeptRows, findLeftRows, type KeptRows, withoutRows } from "./kept-rows.ts";
import { Kernel, type MapName } from "./kernel.ts";
import { ALL_PORTS, findLocalPorts } from "./local-ports.ts";
import { findOwnAddress } from "./own-addresses.ts";
import { composePool, type Pool, scheduleOf } from "./pool.ts";
import { Pools } from "./pools.ts";
import { type ProbePath, Probes, probedServers } from "./probes.ts";
import { RouteCache } from "./route-cache.ts";
import { RowTable } from "./row-table.ts";
import { replyPorts, rowKey } from "./rows.ts";
import { ensureSecret } from "./secret.ts";
import { Table } from "./table.ts";
import { Xdp, type XdpStatus } from "./xdp.ts";

/** Rows of destinations at least: room for services that come later. */
const LEAST_DESTINATIONS = 16_384;
/** Rows for some connections where no service needs one for each of them. */
const FEW = 65_536;

/** Routes that are asked for again at once: each takes some 20 µs. */
const ROUTES_AT_ONCE = 64;

const NO_ROUTE = new Uint8Array(ROUTE.BYTES);

/**
 * Fills the director's maps with what the Plan says and the Board knows, and has the program run on
 * the interfaces. What is in the kernel goes on when this ends.
 */
export class Director {
  readonly kernel: Kernel;
  readonly allotment: Allotment;
  readonly #board: Board;
  readonly #netlink = new Netlink();
  readonly #routes = new RouteCache(this.#netlink);
  readonly #tables: Readonly<Record<"lookups" | "ranges" | "servers", Table>>;
  readonly #rows: Readonly<Record<"services" | "destinations" | "routes" | "ports", RowTable>>;
  readonly #facts = new Map<string, readonly ServerFacts[]>();
  readonly #pools: Pools;
  readonly #probes: Probes;
  readonly #interfaces: Interfaces;
  readonly #xdp: Xdp;
  /** By the backend's slot. */
  readonly #epochs = new Map<number, number>();
  readonly #lastWeights = new Map<number, number>();
  #plan: Plan | undefined;
  /** Services of the Plan by their backend. */
  #byBackend: ReadonlyMap<BackendPlan, readonly ServicePlan[]> = new Map();
  /** Slots of backends whose replies come back this way. */
  #translated: ReadonlySet<number> = new Set();
  #kept: KeptRows = new Map();
  #left: KeptRows = new Map();
  /** How often services, servers or their rows were changed. */
  #epoch = 0;
  #localPorts = ALL_PORTS;
  /** Of the connection table, when it was counted last. */
  #shortage: Shortage = NO_SHORTAGE;

  private constructor(kernel: Kernel, board: Board) {
    this.kernel = kernel;
    this.#board = board;
    const table = (name: MapName): Table => new Table(kernel.maps[name]);
    this.#tables = {
      lookups: table("lookups"),
      ranges: table("ranges"),
      servers: table("servers"),
    };
    const rows = (name: MapName): RowTable => new RowTable(kernel.maps[name]);
    this.#rows = {
      services: rows("services"),
      destinations: rows("destinations"),
      routes: rows("routes"),
      ports: rows(".bss.ports"),
    };
    this.#pools = new Pools(kernel.maps.pools);
    this.#probes = new Probes(kernel, this.#netlink);
    this.#interfaces = new Interfaces(kernel, this.#netlink);
    this.#xdp = new Xdp(kernel, this.#netlink, this.#rows.routes);
    this.allotment = new Allotment(this.#rows.services, this.#rows.destinations);
  }

  /**
   * Opens what is in the kernel under the Plan's name, or makes it. Nothing is changed before
   * `apply`. Throws an Error that says what is missing.
   */
  static open(plan: Plan, director: DirectorPlan, board: Board): Director {
    const wanted = plan.services.reduce(
      (sum, { backend }) => sum + plan.backends[backend]!.servers.length,
      0,
    );
    let destinations = LEAST_DESTINATIONS;
    while (destinations < 4 * wanted) destinations *= 2;
    const { connections } = director;
    const roomFor = (isForAll: boolean): number =>
      isForAll ? connections : Math.min(FEW, connections);
    const kernel = Kernel.open(director.pins, {
      services: plan.engine.limits.services,
      backends: plan.engine.limits.backends,
      destinations,
      connections,
      replies: roomFor(plan.services.some(({ method }) => method === "fullnat")),
      proxied: roomFor(plan.services.some(({ synProxy }) => synProxy !== "off")),
    });
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
    return this.#interfaces.follow();
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
    this.#byBackend = Map.groupBy(plan.services, ({ backend }) => plan.backends[backend]!);
    const used = [...this.#byBackend.keys()];
    this.#translated = new Set(
      plan.services.filter(translates).map(({ backend }) => plan.backends[backend]!.slot),
    );
    this.#localPorts = findLocalPorts(this.#netlink, director);
    this.#configure(plan, director);
    for (const [i, host] of director.localAddresses.entries()) {
      this.kernel.maps.locals.update(rowKey(i), parseIp(host)!);
    }
    this.#readBackends(used);
    const rowsOf = (service: ServicePlan) => this.rowsOf(service);
    this.#kept = findKeptRows(plan.services, this.allotment, rowsOf);
    this.#left = findLeftRows(plan.services, this.allotment, rowsOf, (row) => this.#isPlace(row));
    this.#writeBackends(used);
    this.#writeServers(plan);
    const found = plan.services.map(lookupsOf);
    this.#tables.lookups.replace(found.flatMap(({ lookups }) => lookups));
    this.#tables.ranges.replace(found.flatMap(({ ranges }) => ranges));
    this.#clearGone(plan);
    this.#writeKeptRoutes();
    this.#rows.routes.flush();
    this.#routes.settle();
    this.#interfaces.apply({ ...director, hook: hookFor(plan, director) });
    this.#xdp.apply(director.xdp ? director.interfaces : []);
    this.#probe(plan);
  }

  /** Follows what the Board says of servers since. True when something changed. */
  refresh(): boolean {
    const plan = this.#plan;
    if (!plan) return false;
    const changed = [...this.#byBackend.keys()].filter(({ slot }) => {
      const epoch = Atomics.load(this.#board.backends, slot * BACKEND.size + BACKEND.EPOCH);
      return this.#epochs.get(slot) !== epoch;
    });
    if (changed.length === 0) return false;
    const moved = this.#readBackends(changed);
    this.#epoch++;
    this.#writeBackends(changed);
    if (moved.some(({ slot }) => this.#translated.has(slot))) this.#writeServers(plan);
    this.#probe(plan);
    return true;
  }

  /**
   * Asks the routing table again for some servers; all of them have their turn. True when something
   * changed.
   */
  refreshRoutes(): boolean {
    const plan = this.#plan;
    if (!plan) return false;
    if (!this.#routes.refreshSome(ROUTES_AT_ONCE)) {
      if (this.#probes.dependsOnAddresses) this.#probe(plan);
      return false;
    }
    for (const service of plan.services) {
      for (const { row, facts } of this.rowsOf(service)) this.#writeRoute(row, facts);
    }
    this.#writeKeptRoutes();
    this.#rows.routes.flush();
    this.#probe(plan);
    return true;
  }

  /**
   * Servers on this machine, of services that translate: answers of its sockets do not come in
   * anywhere, so nothing is sent to them.
   */
  localServers(): { readonly service: string; readonly server: string }[] {
    const translated = this.#plan?.services.filter(translates) ?? [];
    return translated.flatMap((service) =>
      this.rowsOf(service)
        .filter(({ row }) => this.#rows.routes.u8(row, ROUTE.LOCAL) !== 0)
        .map(({ facts }) => ({ service: service.name, server: facts.name })),
    );
  }

  /** Follows neighbours and interfaces for XDP, which goes on for some seconds without. */
  followXdp(): void {
    this.#xdp.follow();
  }

  /** How the check of a server gets to it as packets of the service do. */
  pathTo(service: string, server: string): ProbePath {
    const plan = this.#plan?.services.find(({ name }) => name === service);
    const found = plan && this.rowsOf(plan).find(({ facts }) => facts.name === server);
    return found ? this.#probes.pathTo(found.row) : { problem: `service ${service} is not there` };
  }

  /** Checks that go by services. */
  #probe(plan: Plan): void {
    const servers = probedServers(
      plan,
      (service) => this.rowsOf(service),
      (row) => this.#rows.routes.u32(row, ROUTE.INTERFACE),
    );
    this.#probes.apply(servers, plan.director!.interfaces, (family) =>
      findOwnAddress(this.#netlink, family, plan),
    );
  }

  /** The connection table was counted: what is done against a shortage is done from now on. */
  defend(shortage: Shortage): void {
    const plan = this.#plan;
    if (!plan?.director) return;
    const { director } = plan;
    const before = this.#shortage;
    this.#shortage = shortage;
    const isSame =
      dropRate(director, shortage) === dropRate(director, before) &&
      isSecure(director, shortage) === isSecure(director, before);
    if (!isSame) this.#configure(plan, director);
  }

  #configure(plan: Plan, director: DirectorPlan): void {
    const row = composeConfig(plan, director, {
      destinations: this.kernel.maps.destinations.maxEntries,
      dropRate: dropRate(director, this.#shortage),
      isSecure: isSecure(director, this.#shortage),
      localPorts: this.#localPorts,
    });
    this.kernel.configuration.update(rowKey(0), row);
  }

  /** The row of a server for a service. */
  #rowOf(service: ServicePlan, backend: BackendPlan, server: { readonly name: string }): number {
    return (
      this.allotment.blockOf(service).base + this.allotment.numberOf(backend.name, server.name)
    );
  }

  /** Rows of a Plan's service, in the order of the configuration. */
  rowsOf(service: ServicePlan): { readonly row: number; readonly facts: ServerFacts }[] {
    const backend = this.#plan!.backends[service.backend]!;
    return (this.#facts.get(backend.name) ?? []).map((facts) => ({
      row: this.#rowOf(service, backend, facts),
      facts,
    }));
  }

  /** A copy of a row of `destinations`; undefined where there is no such row. */
  destination(row: number): Uint8Array | undefined {
    const { destinations } = this.#rows;
    return row < destinations.rows ? destinations.get(row) : undefined;
  }

  /** Replies of that server do not say by themselves whose they are; see composeServers. */
  isAmbiguous(key: Uint8Array): boolean {
    const value = this.#tables.servers.get(key);
    return value !== undefined && isAmbiguous(value);
  }

  /** Closes our descriptors; packets go on. */
  close(): void {
    this.#xdp.close();
    this.#netlink.close();
    this.#pools.close();
    this.kernel.close();
  }

  /**
   * Takes the facts of backends' servers, and writes their rows for its services. Returns those of
   * which some are elsewhere now.
   */
  #readBackends(backends: readonly BackendPlan[]): BackendPlan[] {
    const moved = backends.filter((backend) => this.#readFacts(backend));
    const facts = backends.flatMap(({ name }) => this.#facts.get(name)!);
    this.#routes.learn(facts.flatMap(({ address }) => address ?? []));
    for (const backend of backends) {
      for (const service of this.#byBackend.get(backend)!) {
        for (const server of this.#facts.get(backend.name)!)
          this.#writeDestination(service, backend, server);
      }
    }
    return moved;
  }

  /** True when some servers are elsewhere now. */
  #readFacts(backend: BackendPlan): boolean {
    const cell = backend.slot * BACKEND.size + BACKEND.EPOCH;
    // First the epoch: what changes while we read is seen the next time.
    this.#epochs.set(backend.slot, Atomics.load(this.#board.backends, cell));
    const facts = readFacts(this.#board, backend);
    const before = this.#facts.get(backend.name);
    this.#facts.set(backend.name, facts);
    return !before || facts.some((server, i) => isElsewhere(server, before[i]));
  }

  /** Servers first, then the tables that name them, then the services that name those. */
  #writeBackends(backends: readonly BackendPlan[]): void {
    this.#rows.routes.flush();
    this.#rows.destinations.flush();
    const pools = new Map(backends.map((backend) => [backend, this.#composePool(backend)]));
    this.#pools.write(new Map([...pools].map(([{ slot }, pool]) => [slot, pool])));
    for (const [backend, pool] of pools) {
      for (const service of this.#byBackend.get(backend)!) {
        const block = this.allotment.blockOf(service);
        this.#rows.services.set(service.slot, composeService(service, pool, backend.slot, block));
      }
    }
    this.#rows.services.flush();
  }

  #composePool(backend: BackendPlan): Pool {
    const facts = this.#facts.get(backend.name)!;
    return composePool(
      scheduleOf(backend.balance),
      facts.map((server) => this.#packetServer(server)),
      facts.map(({ name }) => this.allotment.numberOf(backend.name, name)),
    );
  }

  #packetServer({ identity, weight, address, port }: ServerFacts) {
    if (weight > 0) this.#lastWeights.set(identity, weight);
    const lastWeight = this.#lastWeights.get(identity) ?? 0;
    return { identity, weight, lastWeight, address: address ?? new Uint8Array(16), port };
  }

  #writeDestination(service: ServicePlan, backend: BackendPlan, server: ServerFacts): void {
    const row = this.#rowOf(service, backend, server);
    const owner = this.allotment.owner(row);
    const isSame = owner.identity === server.identity && owner.service === service.slot;
    // A row that was never anybody's has counted nothing.
    if (!isSame && owner.identity !== 0) this.#clearCounts(row);
    this.#writeRoute(row, server);
    const generation = isSame ? owner.generation : (owner.generation + 1) >>> 0;
    const ends = backend.killOnDown || this.#plan!.director!.expireNodest;
    this.#rows.destinations.set(row, composeDestination(service, server, generation, ends));
  }

  /** The row is somebody else's from now on: what was counted in it was not theirs. */
  #clearCounts(row: number): void {
    const { loads, statistics, destinations } = this.kernel.maps;
    loads.update(rowKey(row), new Uint8Array(loads.valueBytes));
    const zero = new Uint8Array(statistics.valueBytes);
    for (let at = row; at < statistics.maxEntries; at += destinations.maxEntries) {
      statistics.update(rowKey(at), zero);
    }
  }

  #writeRoute(row: number, { address }: ServerPlace): void {
    this.#rows.routes.set(row, (address && this.#routes.find(address)) ?? NO_ROUTE);
  }

  #writeServers(plan: Plan): void {
    const placesOf = (service: ServicePlan): ServerPlace[] => [
      ...this.rowsOf(service).map(({ facts }) => facts),
      ...(this.#left.get(service) ?? []).map((row) => this.#placeOf(row)),
    ];
    const { servers } = this.#tables;
    const entries = composeServers(plan.services, placesOf, (key) => servers.get(key));
    // A port is looked for before there is anything to find, and as long as there is.
    const before = this.#rows.ports.get(0);
    const ports = replyPorts(entries.map(({ key }) => key));
    this.#writePorts(ports.map((bits, i) => bits | before[i]!));
    servers.replace(entries);
    this.#writePorts(ports);
  }

  #writePorts(ports: Uint8Array): void {
    this.#rows.ports.set(0, ports);
    this.#rows.ports.flush();
  }

  /** The ways to servers whose rows are kept. */
  #writeKeptRoutes(): void {
    const places = [...this.#kept.values()]
      .flat()
      .map((row) => ({ row, place: this.#placeOf(row) }));
    this.#routes.learn(places.flatMap(({ place }) => place.address ?? []));
    for (const { row, place } of places) this.#writeRoute(row, place);
  }

  #isPlace(row: number): boolean {
    return this.#placeOf(row).address!.some((byte) => byte !== 0);
  }

  #placeOf(row: number): ServerPlace {
    return placeIn(this.#rows.destinations.get(row));
  }

  /**
   * The table was looked through: what servers that are gone had is free where `isIdle` says so.
   */
  settle(isIdle: (row: number) => boolean): void {
    const plan = this.#plan;
    if (!plan) return;
    const idle = new Set([...this.#kept.values()].flat().filter(isIdle));
    for (const row of idle) this.#retire(row, false);
    const isSilent = (row: number): boolean => this.allotment.owner(row).flags === 0 && isIdle(row);
    const silent = new Set([...this.#left.values()].flat().filter(isSilent));
    for (const row of silent) {
      const value = this.#rows.destinations.get(row);
      this.#rows.destinations.set(
        row,
        value.fill(0, DESTINATION.ADDRESS, DESTINATION.ADDRESS + 16),
      );
    }
    if (silent.size > 0) {
      this.#kept = withoutRows(this.#kept, (row) => idle.has(row));
      this.#left = withoutRows(this.#left, (row) => silent.has(row));
      this.#rows.destinations.flush();
      this.#rows.routes.flush();
      this.#writeServers(plan);
    }
    this.allotment.settle(plan, isIdle);
  }

  /**
   * Rows of servers that are no longer configured take nothing, and what they had is not known,
   * unless their service keeps it.
   */
  #clearGone(plan: Plan): void {
    const wanted = new Set(plan.services.flatMap((s) => this.rowsOf(s).map(({ row }) => row)));
    const kept = new Set([...this.#kept.values()].flat());
    const { destinations } = this.#rows;
    for (let row = 0; row < destinations.rows; row++) {
      if (destinations.u8(row, DESTINATION.FLAGS) === 0 || wanted.has(row)) continue;
      this.#retire(row, kept.has(row));
    }
    destinations.flush();
  }

  /** The server takes nothing new; if `isKept`, what it has goes on. */
  #retire(row: number, isKept: boolean): void {
    const { destinations } = this.#rows;
    const value = destinations.get(row);
    if (isKept) value[DESTINATION.FLAGS]! |= DESTINATION_FLAG.LEAVING;
    else {
      value[DESTINATION.FLAGS] = 0;
      this.#rows.routes.set(row, NO_ROUTE);
    }
    new DataView(value.buffer).setInt32(DESTINATION.WEIGHT, 0, true);
    destinations.set(row, value);
  }
}
