import type { Address } from "#base/address.ts";
import { assert } from "#base/assert.ts";
import type { Random, Timers } from "#base/clock.ts";
import { ADMIN, type Board } from "#plan/board.ts";
import type { CheckPlan, Plan } from "#plan/plan.ts";
import {
  type AgentReport,
  type CheckContext,
  type CheckPath,
  type CheckTarget,
  type CheckType,
  checksActively,
} from "./check.ts";
import { checks } from "./checks/index.ts";
import { type AgentWords, NO_WORDS } from "./evaluate.ts";
import { createEventLog, type EventLog } from "./events.ts";
import { carryOut, type ServerOrder } from "./operator.ts";
import { Passive } from "./passive.ts";
import { UNKNOWN } from "./rise-fall.ts";
import { type CheckEnding, type ProbeSpec, Runner } from "./runner.ts";
import type { ServerState } from "./server-state.ts";
import { type BackendSnapshot, snapshotOf } from "./snapshot.ts";
import { States } from "./states.ts";

export interface HealthOptions {
  readonly board: Board;
  readonly timers: Timers;
  readonly random: Random;
  readonly dial: CheckContext["dial"];
  readonly run: CheckContext["run"];
  readonly datagram: CheckContext["datagram"];
  readonly ping: CheckContext["ping"];
  /**
   * The address that an address of the Plan stands for now; undefined while its name is not
   * resolved.
   */
  readonly locate: (address: Address, slot: number) => Address | undefined;
  /** How a service's packets get to a server of it. */
  readonly pathTo: (service: string, server: string) => CheckPath;
  readonly events?: EventLog;
  /** Check types besides ours; for tests. */
  readonly types?: readonly CheckType[];
}

/** Who is up: what control holds. Everything here runs in the control thread's event loop. */
export interface Health {
  readonly events: EventLog;
  /**
   * Takes a Plan, at start and at each reload. Servers known before keep their states, streaks and
   * rhythm. Addresses should be on the Board by then: a server without one takes no requests.
   */
  apply(plan: Plan): void;
  /** The Board has a new address (or its first) for the server in this slot. */
  addressChanged(slot: number): void;
  /** An operator's order. Throws WeirError: USAGE, or SAFETY_REFUSED without `force`. */
  change(backend: string, server: string, order: ServerOrder): void;
  snapshot(): readonly BackendSnapshot[];
  /** Ends every check and timer. States stay on the Board. */
  stop(): void;
}

export function createHealth(options: HealthOptions): Health {
  return new Tracker(options);
}

const checkKey = (server: ServerState): string => `${server.key} check`;
const agentKey = (server: ServerState): string => `${server.key} agent`;

class Tracker implements Health {
  readonly events: EventLog;
  readonly #options: HealthOptions;
  readonly #types: ReadonlyMap<string, CheckType>;
  readonly #states: States;
  readonly #runner: Runner;
  readonly #passive: Passive;
  readonly #endings = new Map<string, CheckEnding>();

  constructor(options: HealthOptions) {
    const { board, timers } = options;
    this.#options = options;
    this.#types = new Map([...checks, ...(options.types ?? [])].map((type) => [type.name, type]));
    this.events = options.events ?? createEventLog();
    this.#states = new States({
      board,
      timers,
      events: this.events,
      changed: (server) => this.#changed(server),
    });
    this.#runner = new Runner(options);
    this.#passive = new Passive({
      board,
      timers,
      states: this.#states,
      markedDown: (server) => this.#runner.force(checkKey(server), "down"),
    });
  }

  apply(plan: Plan): void {
    this.#states.apply(plan);
    const specs = [...this.#states.servers()].flatMap((server) => this.#probes(server));
    this.#runner.apply(specs);
    this.#passive.apply();
    const keys = new Set(specs.map((spec) => spec.key));
    for (const key of this.#endings.keys()) if (!keys.has(key)) this.#endings.delete(key);
  }

  addressChanged(slot: number): void {
    for (const server of this.#states.servers()) {
      if (server.plan.slot !== slot) continue;
      this.#states.addressChanged(server);
      this.#runner.hurry(checkKey(server));
      this.#runner.hurry(agentKey(server));
    }
  }

  change(backend: string, name: string, order: ServerOrder): void {
    carryOut(this.#states, backend, name, order);
  }

  snapshot(): readonly BackendSnapshot[] {
    return [...this.#states.backends()].map((backend) =>
      snapshotOf(backend, this.#options.board, this.#options.timers, (server) => ({
        check: this.#endings.get(checkKey(server)),
        agent: this.#endings.get(agentKey(server)),
        address: this.#options.locate(server.plan.address, server.plan.slot),
      })),
    );
  }

  stop(): void {
    this.#runner.stop();
    this.#passive.stop();
    this.#states.stop();
  }

  #probes(server: ServerState): ProbeSpec[] {
    const { check, agent } = server.backend.plan;
    const specs: ProbeSpec[] = [];
    if (checksActively(check)) {
      specs.push(this.#probe(server, checkKey(server), check, check.port));
    }
    if (agent) {
      specs.push(this.#probe(server, agentKey(server), agent, server.plan.agentPort ?? agent.port));
    }
    return specs;
  }

  #probe(server: ServerState, key: string, plan: CheckPlan, port: number | undefined): ProbeSpec {
    const isAgent = key === agentKey(server);
    const type = this.#types.get(plan.type.name);
    assert(type, `check type ${plan.type.name} is not registered`);
    const { active } = server.facts;
    return {
      key,
      plan,
      type,
      initial: isAgent ? UNKNOWN : { state: active, against: 0 },
      paused: isAgent ? agentRests(server) : checkRests(server),
      target: () => {
        const own = isAgent ? undefined : server.plan.checkAddress;
        const target = this.#target(server, own, port);
        if (!target || plan.via === undefined) return target;
        return { ...target, path: this.#options.pathTo(plan.via, server.plan.name) };
      },
      ended: (ending) => {
        this.#endings.set(key, ending);
        if (isAgent) this.#agentEnded(server, ending);
        else this.#checkEnded(server, ending);
      },
    };
  }

  /** `own`: an address given for this check alone, port included; else the server's with `port`. */
  #target(
    { plan, backend }: ServerState,
    own: Address | undefined,
    port: number | undefined,
  ): CheckTarget | undefined {
    const located = this.#options.locate(own ?? plan.address, plan.slot);
    if (!located) return undefined;
    const elsewhere = own === undefined && port !== undefined && located.kind === "inet";
    const address = elsewhere ? { ...located, port } : located;
    return { address, backend: backend.plan.name, server: plan.name };
  }

  #checkEnded(server: ServerState, ending: CheckEnding): void {
    const { result, durationMs, streak, is } = ending;
    this.#states.record(server, result, durationMs, streak);
    const { name } = server.backend.plan.check!.type;
    const detail = result.ok
      ? `${name} check passed: ${result.detail}, ${inARow(streak)}`
      : `${name} check failed: ${result.detail}, ${inARow(streak)}`;
    const agent = result.agent ? { agent: hear(server, result.agent, "check") } : {};
    const forced = result.code === "SOCKERR" ? {} : { forced: undefined };
    if (is.state === server.facts.active && !server.facts.forced && !result.agent) return;
    this.#states.update(
      server,
      { active: is.state, ...agent, ...forced },
      { reason: "check", detail },
    );
  }

  #agentEnded(server: ServerState, { result }: CheckEnding): void {
    // An agent that cannot be reached says nothing: whether the server works, its check knows.
    if (!result.agent) return;
    const cause = { reason: "agent", detail: `its agent said "${result.detail}"` } as const;
    const agent = hear(server, result.agent, "agent");
    // An operator's word on health holds until the next check, which this is where there is no
    // other.
    const forced = checksActively(server.backend.plan.check) ? {} : { forced: undefined };
    this.#states.update(server, { agent, ...forced }, cause);
  }

  /**
   * Maintenance stops checks; an agent goes on being asked unless the operator said so, to end its
   * own.
   */
  #changed(server: ServerState): void {
    const rest = (key: string, rests: boolean): void =>
      rests ? this.#runner.pause(key) : this.#runner.resume(key);
    rest(checkKey(server), checkRests(server));
    rest(agentKey(server), agentRests(server));
  }
}

const checkRests = (server: ServerState): boolean => server.outcome.admin === ADMIN.MAINT;

const agentRests = ({ facts }: ServerState): boolean =>
  (facts.adminWanted ?? facts.admin) === "maint";

const inARow = (streak: number): string =>
  Math.abs(streak) === 1 ? "once" : `${Math.abs(streak)} in a row`;

/** An agent's words after a new report: what it does not mention stays as it was. */
function hear(server: ServerState, report: AgentReport, heardBy: "check" | "agent"): AgentWords {
  const before = server.facts.agent.heardBy ? server.facts.agent : NO_WORDS;
  return {
    heardBy,
    admin: report.admin ?? before.admin,
    down: report.health === undefined ? before.down : report.health === "down",
    weight: report.weight ?? before.weight,
    maxConnections: report.maxConnections ?? before.maxConnections,
  };
}
