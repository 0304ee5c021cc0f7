import { type Address, formatAddress } from "#base/address.ts";
import type { Plan } from "#plan/plan.ts";
import type { ListenFault, ListenWish } from "./protocol.ts";
import type { SupervisorLink } from "./supervisor-link.ts";
import type { OpenListener } from "./workers.ts";

const ADMIN_MODE = 0o660;
const MONITOR_BACKLOG = 128;

const wishFor = (key: string, address: Address, mode?: number): ListenWish => ({
  key,
  address,
  backlog: MONITOR_BACKLOG,
  v6Only: false,
  mode,
  count: 1,
});

export const adminKey = (plan: Plan): string => `admin ${plan.monitor.admin}`;

export const pageKey = ({ monitor }: Plan): string | undefined =>
  monitor.bind && `monitor ${formatAddress(monitor.bind)}`;

/**
 * The listening sockets that workers need for a Plan; a key that two frontends share counts once.
 */
function trafficWishes(plan: Plan): ListenWish[] {
  const wishes = new Map<string, ListenWish>();
  for (const { key, address, backlog, v6Only, mode } of plan.frontends.flatMap((f) => f.binds)) {
    wishes.set(key, { key, address, backlog, v6Only, mode, count: plan.engine.threads });
  }
  return [...wishes.values()];
}

/** Those that the monitor serves. */
function monitorWishes(plan: Plan): ListenWish[] {
  const admin: Address = { kind: "unix", path: plan.monitor.admin };
  const wishes = [wishFor(adminKey(plan), admin, ADMIN_MODE)];
  if (plan.monitor.bind) wishes.push(wishFor(pageKey(plan)!, plan.monitor.bind, ADMIN_MODE));
  return wishes;
}

/** The engine's copies of the supervisor's listening sockets. */
export class EngineListeners {
  readonly #link: SupervisorLink;
  readonly #close: (fd: number) => void;
  readonly #open = new Map<string, OpenListener[]>();
  /** Keys whose sockets the monitor closes. */
  readonly #lent = new Set<string>();

  constructor(link: SupervisorLink, close: (fd: number) => void) {
    this.#link = link;
    this.#close = close;
  }

  /** Sees that everything a Plan listens on is open. Nothing changed when it returns faults. */
  async ensure(plan: Plan): Promise<readonly ListenFault[]> {
    const wishes = [...trafficWishes(plan), ...monitorWishes(plan)];
    const missing = wishes.filter((wish) => !this.#open.has(wish.key));
    if (missing.length === 0) return [];
    const answer = await this.#link.listen(missing);
    if (answer.faults) return answer.faults;
    for (const listener of answer.listeners) {
      const known = this.#open.get(listener.key);
      if (known) known.push(listener);
      else this.#open.set(listener.key, [listener]);
    }
    return [];
  }

  /** The sockets for a Plan's frontends, all open. */
  traffic(plan: Plan): OpenListener[] {
    return trafficWishes(plan).flatMap(({ key }) => this.#open.get(key)!);
  }

  /** One socket's descriptor, for somebody who closes it himself from now on. */
  lend(key: string): number {
    this.#lent.add(key);
    return this.#open.get(key)![0]!.fd;
  }

  /**
   * Closes what a Plan does not need, here and, when no other engine needs it, in the supervisor.
   */
  keepOnly(plan: Plan): void {
    this.#keep([...trafficWishes(plan), ...monitorWishes(plan)].map((wish) => wish.key));
  }

  /** Closes all but what the monitor serves, here and in the supervisor. */
  closeTraffic(): void {
    this.#keep([...this.#lent]);
  }

  /** Every descriptor that is open here. */
  fds(): Set<number> {
    return new Set([...this.#open.values()].flat().map((listener) => listener.fd));
  }

  #keep(keys: readonly string[]): void {
    for (const [key, listeners] of this.#open) {
      if (keys.includes(key)) continue;
      this.#open.delete(key);
      if (!this.#lent.delete(key)) for (const { fd } of listeners) this.#close(fd);
    }
    this.#link.send({ type: "keep", keys });
  }
}
