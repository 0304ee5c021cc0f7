import type { Cancel, Timers } from "#base/clock.ts";
import { ADMIN, type Board, HEALTH, SERVER } from "#plan/board.ts";
import { checksActively } from "./check.ts";
import type { ServerState } from "./server-state.ts";
import type { States } from "./states.ts";

/** How often workers' counts of failed requests are looked at. */
const POLL_MS = 100;
/** An ejection lasts up to this many times ejectMs. */
const LONGEST = 8;

interface Ejection {
  /** Of ejectMs: 1, 2, 4, 8. */
  times: number;
  /** Monotonic: when the server came back, or will. */
  backMs: number;
  readonly cancel: Cancel;
}

export interface PassiveOptions {
  readonly board: Board;
  readonly timers: Timers;
  readonly states: States;
  /** Active checks look after the server: they are told that it is down, and bring it back. */
  readonly markedDown: (server: ServerState) => void;
}

/**
 * Passive observation: workers count each server's failed requests in a row (SERVER.FAILURES, set
 * to 0 by a success); a server that reaches the limit goes down. Active checks bring it back, or
 * time where there are none: ejectMs, doubled each time it fails again soon, up to eight times
 * that.
 *
 * The last usable server of a backend is never taken out this way: requests that may fail are
 * better than requests that must, and one poisonous request must not empty a backend.
 */
export class Passive {
  readonly #options: PassiveOptions;
  readonly #ejections = new Map<string, Ejection>();
  #polling: Cancel | undefined;

  constructor(options: PassiveOptions) {
    this.#options = options;
  }

  /** Polls while any backend asks for it. Call after the states took a Plan. */
  apply(): void {
    const { states, timers } = this.#options;
    const keys = new Set([...states.servers()].filter(observed).map((server) => server.key));
    for (const [key, ejection] of this.#ejections) {
      if (keys.has(key)) continue;
      ejection.cancel();
      this.#ejections.delete(key);
    }
    this.#polling?.();
    this.#polling = keys.size > 0 ? timers.after(POLL_MS, () => this.#poll()) : undefined;
  }

  stop(): void {
    this.#polling?.();
    for (const ejection of this.#ejections.values()) ejection.cancel();
    this.#ejections.clear();
  }

  #poll(): void {
    const { board, timers, states } = this.#options;
    this.#polling = timers.after(POLL_MS, () => this.#poll());
    for (const server of states.servers()) {
      const limit = server.backend.plan.check?.observeFailures ?? 0;
      if (limit === 0) continue;
      const cell = server.plan.slot * SERVER.size + SERVER.FAILURES;
      const failures = Atomics.load(board.servers, cell);
      if (failures < limit) continue;
      Atomics.store(board.servers, cell, 0);
      this.#eject(server, failures);
    }
  }

  #eject(server: ServerState, failures: number): void {
    const { states, markedDown } = this.#options;
    const { health, admin } = server.outcome;
    if (health === HEALTH.DOWN || admin === ADMIN.MAINT) return;
    const actively = checksActively(server.backend.plan.check);
    const change = actively ? ({ active: "down" } as const) : { ejected: true };
    if (states.suppose(server, change).usable === 0) return;
    const forMs = actively ? undefined : this.#ejectFor(server);
    const until = forMs === undefined ? "" : `, out for ${forMs / 1000} s`;
    const detail = `${failures} requests in a row failed${until}`;
    states.update(server, { ...change, forced: undefined }, { reason: "passive", detail });
    if (actively) markedDown(server);
  }

  /** Schedules the return; how long until then. */
  #ejectFor(server: ServerState): number {
    const { timers } = this.#options;
    const ejectMs = server.backend.plan.check?.ejectMs ?? 0;
    const before = this.#ejections.get(server.key);
    const nowMs = timers.monotonicMs();
    // Forgiven once it served for as long as it had been out.
    const again = before && nowMs - before.backMs < before.times * ejectMs;
    const times = again ? Math.min(LONGEST, before.times * 2) : 1;
    const forMs = times * ejectMs;
    this.#ejections.set(server.key, {
      times,
      backMs: nowMs + forMs,
      cancel: timers.after(forMs, () => this.#comeBack(server.backend.plan.name, server.plan.name)),
    });
    return forMs;
  }

  /** By name: a reload may have given the server another slot. */
  #comeBack(backend: string, name: string): void {
    const { board, states } = this.#options;
    const server = states.find(backend, name);
    if (!server?.facts.ejected) return;
    Atomics.store(board.servers, server.plan.slot * SERVER.size + SERVER.FAILURES, 0);
    states.update(server, { ejected: false }, { reason: "time", detail: "its time out is over" });
  }
}

const observed = (server: ServerState): boolean =>
  (server.backend.plan.check?.observeFailures ?? 0) > 0;
