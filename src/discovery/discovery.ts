import type { Address } from "#base/address.ts";
import type { Cancel, Random, Timers } from "#base/clock.ts";
import type { Resolver } from "#io/resolver.ts";
import { type Board, SERVER } from "#plan/board.ts";
import type { BackendPlan, Plan, ServerPlan } from "#plan/plan.ts";
import { rowIdentity } from "#plan/row-identity.ts";
import { publishAddress, publishedHost } from "./addresses.ts";
import type { Provider } from "./provider.ts";
import { providers } from "./providers/index.ts";
import { type NameTarget, WatchedName } from "./watched-name.ts";

export interface DiscoveryOptions {
  readonly board: Board;
  readonly timers: Timers;
  readonly random: Random;
  readonly resolver: Resolver;
  /** The Board has another address for the server in this slot. Not called from inside `apply`. */
  readonly changed: (slot: number) => void;
  /** A name's fate changed, in one sentence. */
  readonly log?: (level: "info" | "warning", text: string) => void;
  readonly provider?: Provider;
}

export interface NameSnapshot {
  readonly host: string;
  readonly addresses: readonly string[];
  readonly failure: string | undefined;
}

/** Where servers are: what control holds. Runs in the control thread; nothing here blocks. */
export interface Discovery {
  /**
   * Takes a Plan: writes every address that is known to the Board and follows the names. Before
   * Health.apply, which reads from the Board whether a server has an address.
   */
  apply(plan: Plan): void;
  /**
   * Calls `done` when every name was answered or failed once, or after `withinMs`. Not from inside.
   */
  whenTried(withinMs: number, done: () => void): Cancel;
  /** The socket address that an address of the Plan stands for now; `slot` is the server's. */
  locate(address: Address, slot: number): Address | undefined;
  snapshot(): readonly NameSnapshot[];
  stop(): void;
}

interface Located {
  readonly key: string;
  readonly plan: ServerPlan;
  readonly backend: BackendPlan;
  /** IP address in use, of a server given by name. */
  host: string | undefined;
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  return new Directory(options);
}

const hostKey = (host: string): string => host.toLowerCase();

class Directory implements Discovery {
  readonly #options: DiscoveryOptions;
  readonly #names = new Map<string, WatchedName>();
  readonly #waiting = new Set<() => void>();
  #servers: readonly Located[] = [];
  #bySlot: ReadonlyMap<number, Located> = new Map();

  constructor(options: DiscoveryOptions) {
    this.#options = options;
  }

  apply(plan: Plan): void {
    const before = new Map(this.#servers.map((server) => [server.key, server]));
    this.#servers = plan.backends.flatMap((backend) =>
      backend.servers.map((server) => this.#locate(backend, server, before)),
    );
    this.#bySlot = new Map(this.#servers.map((server) => [server.plan.slot, server]));
    this.#follow(plan);
    for (const backend of plan.backends) this.#place(backend.name);
  }

  whenTried(withinMs: number, done: () => void): Cancel {
    const finish = (): void => {
      cancel();
      done();
    };
    const look = (): void => {
      if ([...this.#names.values()].every((name) => name.tried)) finish();
    };
    const cancelWait = this.#options.timers.after(withinMs, finish);
    const cancelLook = this.#options.timers.after(0, look);
    const cancel = (): void => {
      cancelWait();
      cancelLook();
      this.#waiting.delete(look);
    };
    this.#waiting.add(look);
    return cancel;
  }

  locate(address: Address, slot: number): Address | undefined {
    if (address.kind === "fd") return undefined;
    if (address.kind !== "name") return address;
    const server = this.#bySlot.get(slot);
    const own = server?.plan.address;
    const same = own?.kind === "name" && hostKey(own.host) === hostKey(address.host);
    const host = same ? server?.host : this.#nameOf(server, address.host)?.addresses?.[0];
    return host === undefined ? undefined : { kind: "inet", host, port: address.port };
  }

  snapshot(): readonly NameSnapshot[] {
    return [...this.#names.values()].map(({ target, addresses, failure }) => ({
      host: target.host,
      addresses: addresses ?? [],
      failure,
    }));
  }

  stop(): void {
    for (const name of this.#names.values()) name.stop();
    this.#names.clear();
    this.#waiting.clear();
  }

  /** A server with the address it has in this engine, or had on the Board in one before. */
  #locate(backend: BackendPlan, plan: ServerPlan, before: ReadonlyMap<string, Located>): Located {
    const key = `${backend.name}/${plan.name}`;
    const { board } = this.#options;
    const identity = board.servers[plan.slot * SERVER.size + SERVER.IDENTITY];
    const ours = identity === rowIdentity(key);
    const host = before.get(key)?.host ?? (ours ? publishedHost(board, plan.slot) : undefined);
    return { key, plan, backend, host };
  }

  /** Follows the names that the Plan needs, and no others. */
  #follow(plan: Plan): void {
    const { provider = providers[0], timers, random, resolver } = this.#options;
    const wanted = new Map<string, NameTarget>();
    for (const backend of plan.backends) {
      for (const { address, checkAddress } of backend.servers) {
        for (const a of [address, checkAddress]) {
          if (a?.kind !== "name") continue;
          wanted.set(nameKey(backend, a.host), { host: hostKey(a.host), ...backend.resolve });
        }
      }
    }
    for (const [key, name] of this.#names) {
      if (wanted.has(key)) continue;
      name.stop();
      this.#names.delete(key);
    }
    const context = { timers, random, resolver };
    for (const [key, target] of wanted) {
      if (this.#names.has(key)) continue;
      const heard = (name: WatchedName, failedBefore: boolean): void =>
        this.#heard(name, failedBefore);
      this.#names.set(key, new WatchedName(target, provider, context, heard));
    }
  }

  #nameOf(server: Located | undefined, host: string): WatchedName | undefined {
    return server && this.#names.get(nameKey(server.backend, host));
  }

  #heard(name: WatchedName, failedBefore: boolean): void {
    this.#tell(name, failedBefore);
    const touched = new Set(
      this.#servers
        .filter(({ plan }) => plan.address.kind === "name")
        .filter((server) => this.#nameOf(server, hostOf(server)) === name)
        .map((server) => server.backend.name),
    );
    for (const backend of touched) {
      for (const slot of this.#place(backend)) this.#options.changed(slot);
    }
    for (const look of this.#waiting) look();
  }

  #tell({ target, addresses, failure }: WatchedName, failedBefore: boolean): void {
    if ((failure !== undefined) === failedBefore) return;
    const kept = addresses?.length ? `; ${addresses.join(", ")} stays in use` : "";
    if (failure === undefined) this.#options.log?.("info", `Name ${target.host} is resolved again`);
    else this.#options.log?.("warning", `Name ${target.host} is not resolved: ${failure}${kept}`);
  }

  /**
   * Gives each server of a backend its address, on the Board too. Returns the slots that changed.
   */
  #place(backend: string): number[] {
    const servers = this.#servers.filter((server) => server.backend.name === backend);
    const groups = new Map<string, Located[]>();
    for (const server of servers) {
      const { address } = server.plan;
      if (address.kind !== "name") continue;
      const place = `${hostKey(address.host)}:${address.port}`;
      groups.set(place, [...(groups.get(place) ?? []), server]);
    }
    for (const group of groups.values()) {
      const name = this.#nameOf(group[0], hostOf(group[0]!));
      if (name) shareOut(group, name);
    }
    return servers
      .map(({ plan }) => plan)
      .filter(({ address, slot }) =>
        publishAddress(this.#options.board, slot, this.locate(address, slot)),
      )
      .map(({ slot }) => slot);
  }
}

/**
 * Which of a name's addresses each of its servers uses. Servers of one backend under one name and
 * port share the addresses out, as far as they go; one keeps its own while that is good and no
 * other's.
 */
function shareOut(servers: readonly Located[], name: WatchedName): void {
  const addresses = name.addresses ?? [];
  const taken = new Set<string>();
  const good = ({ host }: Located): boolean => host !== undefined && name.holds(host);
  const homeless = servers.filter((server) => {
    const stays = good(server) && !taken.has(server.host!);
    if (stays) taken.add(server.host!);
    return !stays;
  });
  for (const server of homeless) {
    const free = addresses.find((address) => !taken.has(address));
    if (free !== undefined) taken.add(free);
    server.host = free ?? (good(server) ? server.host : addresses[0]);
  }
}

const hostOf = ({ plan }: Located): string =>
  plan.address.kind === "name" ? plan.address.host : "";

const nameKey = ({ resolve }: BackendPlan, host: string): string =>
  `${hostKey(host)} ${resolve.intervalMs} ${resolve.holdMs}`;
