import type { Timers } from "#base/clock.ts";
import { ADMIN, BACKEND, type Board, HEALTH, SERVER } from "#plan/board.ts";
import { CHECK_RESULT } from "#plan/check-result.ts";
import type { BackendPlan, Plan, ServerPlan } from "#plan/plan.ts";
import { Announcer } from "./announcer.ts";
import { type CheckResult, checksActively } from "./check.ts";
import { type Evaluation, evaluate, type Facts, NO_WORDS, type Outcome } from "./evaluate.ts";
import type { EventLog } from "./events.ts";
import { createMemory, type Memory } from "./memory.ts";
import { addCell, adoptRow, writeRow } from "./rows.ts";
import type { BackendState, Cause, ServerState } from "./server-state.ts";
import { SlowStart } from "./slow-start.ts";

export interface StatesOptions {
  readonly board: Board;
  readonly timers: Timers;
  readonly events: EventLog;
  /** A server's health or administrative state changed, and the Board says so already. */
  readonly changed: (server: ServerState, was: Outcome) => void;
}

/** What a server is taken to have been before we knew it: nothing then looks like a recovery. */
const NOTHING_KNOWN = {
  adminWanted: undefined,
  weightWanted: undefined,
  limitWanted: undefined,
  forced: undefined,
  active: "unknown",
  agent: NO_WORDS,
  ejected: false,
  warmSinceMs: undefined,
} as const satisfies Partial<Facts>;

/**
 * The only writer of what the Board says about a server's state: ADMIN, HEALTH, WEIGHT, EFFECTIVE,
 * STICKY, MAX_CONNECTIONS, KILL, and the backend's EPOCH and USABLE. It holds the facts, lets
 * `evaluate` say what follows from them, writes that, and tells.
 */
export class States {
  readonly #board: Board;
  readonly #timers: Timers;
  readonly #changed: StatesOptions["changed"];
  readonly #backends = new Map<string, BackendState>();
  readonly #memory: Memory;
  readonly #slowStart: SlowStart;
  readonly #announcer: Announcer;

  constructor({ board, timers, events, changed }: StatesOptions) {
    this.#board = board;
    this.#timers = timers;
    this.#changed = changed;
    this.#memory = createMemory(timers);
    this.#announcer = new Announcer(board, timers, events);
    this.#slowStart = new SlowStart(timers, (server) =>
      this.#settle(server.backend, { reason: "time", detail: "slow start" }, server),
    );
  }

  backends(): Iterable<BackendState> {
    return this.#backends.values();
  }

  *servers(): Iterable<ServerState> {
    for (const backend of this.#backends.values()) yield* backend.servers;
  }

  find(backend: string, server: string): ServerState | undefined {
    return this.#backends.get(backend)?.servers.find((s) => s.plan.name === server);
  }

  /**
   * Takes a Plan. Servers known before keep their facts; the Board's rows those of an engine before
   * us.
   */
  apply(plan: Plan): void {
    const known = new Map([...this.servers()].map((server) => [server.key, server]));
    const before = new Map(this.#backends);
    this.#backends.clear();
    for (const backendPlan of plan.backends) {
      const fresh = { usable: -1, fit: 0, sinceMs: this.#timers.monotonicMs(), servers: [] };
      const backend = before.get(backendPlan.name) ?? { ...fresh, plan: backendPlan };
      this.#backends.set(backendPlan.name, backend);
      backend.plan = backendPlan;
      backend.servers = backendPlan.servers.map((serverPlan) => {
        const key = `${backendPlan.name}/${serverPlan.name}`;
        const server = known.get(key);
        known.delete(key);
        if (server?.plan.slot === serverPlan.slot) return this.#replan(server, serverPlan);
        if (server) this.#leave(server);
        return this.#admit(backend, serverPlan, key, server?.facts);
      });
    }
    for (const server of known.values()) {
      this.#leave(server);
      this.#memory.keep(server.key, server.facts);
    }
    const cause = { reason: "config", detail: "the configuration changed" } as const;
    for (const backend of this.#backends.values()) this.#settle(backend, cause);
  }

  /** Changes facts about one server; everything that follows happens at once. */
  update(server: ServerState, change: Partial<Facts>, cause: Cause): void {
    server.facts = { ...server.facts, ...change };
    this.#settle(server.backend, cause, server);
  }

  /** What its backend would look like with these facts. Changes nothing. */
  suppose(server: ServerState, change: Partial<Facts>): Evaluation {
    const assumed = { ...server.facts, ...change };
    return this.#evaluate(server.backend, (s) => (s === server ? assumed : s.facts));
  }

  /** The Board's address of the server changed: schedulers and pools must look again. */
  addressChanged(server: ServerState): void {
    server.facts = { ...server.facts, located: this.#located(server.plan) };
    const cause = { reason: "address", detail: "its address changed" } as const;
    this.#settle(server.backend, cause, server);
  }

  /** Ends every session on the server. */
  kill(server: ServerState): void {
    Atomics.add(this.#board.servers, server.plan.slot * SERVER.size + SERVER.KILL, 1);
  }

  /** Writes down how an active check ended. `streak`: results in a row alike, failures negative. */
  record(server: ServerState, result: CheckResult, durationMs: number, streak: number): void {
    const { slot } = server.plan;
    const row = slot * SERVER.size;
    Atomics.store(this.#board.servers, row + SERVER.CHECK_RESULT, CHECK_RESULT[result.code]);
    Atomics.store(this.#board.servers, row + SERVER.CHECK_MS, Math.round(durationMs));
    Atomics.store(this.#board.servers, row + SERVER.CHECK_STREAK, streak);
    addCell(this.#board, slot, SERVER.CHECKS, 1);
    if (!result.ok) addCell(this.#board, slot, SERVER.CHECK_FAILS, 1);
  }

  stop(): void {
    this.#slowStart.stop();
  }

  #located(plan: ServerPlan): boolean {
    return Atomics.load(this.#board.servers, plan.slot * SERVER.size + SERVER.ADDRESS_BYTES) > 0;
  }

  /** True when the address on the Board is another than last time. */
  #moved(server: ServerState): boolean {
    const cell = server.plan.slot * SERVER.size + SERVER.ADDRESS_SEQ;
    const before = server.addressSeq;
    server.addressSeq = Atomics.load(this.#board.servers, cell);
    return server.addressSeq !== before;
  }

  #evaluate(
    backend: BackendState,
    factsOf = (server: ServerState): Facts => server.facts,
  ): Evaluation {
    const allBackups = backend.plan.allBackups ?? false;
    return evaluate(backend.servers.map(factsOf), allBackups, this.#timers.monotonicMs());
  }

  /** A server new to this engine: as the Board or our own memory knew it, else as configured. */
  #admit(
    backend: BackendState,
    plan: ServerPlan,
    key: string,
    moved: Facts | undefined,
  ): ServerState {
    const checked = checksActively(backend.plan.check);
    const row = adoptRow(this.#board, plan.slot, key, { configured: plan.admin, checked });
    const kept = moved ?? row ?? this.#memory.recall(key);
    const facts: Facts = { ...NOTHING_KNOWN, ...kept, ...this.#given(plan) };
    const nowMs = this.#timers.monotonicMs();
    const changedAt = this.#board.servers[plan.slot * SERVER.size + SERVER.CHANGED_AT]! * 1000;
    const agoMs = row && changedAt > 0 ? Math.max(0, this.#timers.wallMs() - changedAt) : 0;
    const standing = withoutUnchecked(facts, backend.plan);
    return {
      key,
      plan,
      backend,
      facts: standing,
      outcome: evaluate([standing], true, nowMs).outcomes[0]!,
      cause: { reason: "config", detail: row ? "as the engine before left it" : "configured" },
      addressSeq: -1,
      healthSinceMs: nowMs - agoMs,
      adminSinceMs: nowMs - agoMs,
    };
  }

  /** Facts that come from the Plan and the Board's address. */
  #given(plan: ServerPlan) {
    const { admin, weight, maxConnections, backup, slowStartMs } = plan;
    return { admin, weight, maxConnections, backup, slowStartMs, located: this.#located(plan) };
  }

  /** The newest word counts: what the file changed replaces what an operator had said before. */
  #replan(server: ServerState, plan: ServerPlan): ServerState {
    const before = server.plan;
    server.plan = plan;
    const facts = {
      ...server.facts,
      ...this.#given(plan),
      ...(plan.admin === before.admin ? {} : { adminWanted: undefined }),
      ...(plan.weight === before.weight ? {} : { weightWanted: undefined }),
      ...(plan.maxConnections === before.maxConnections ? {} : { limitWanted: undefined }),
    };
    server.facts = withoutUnchecked(facts, server.backend.plan);
    return server;
  }

  /**
   * The server gives up its slot. Its row is nobody's then: should it come back, this row knows
   * nothing.
   */
  #leave(server: ServerState): void {
    this.#slowStart.end(server);
    const row = server.plan.slot * SERVER.size;
    Atomics.store(this.#board.servers, row + SERVER.IDENTITY, 0);
  }

  /**
   * Evaluates a backend, writes what changed, and tells. `subject`: whom the cause is about, if
   * one.
   */
  #settle(backend: BackendState, cause: Cause, subject?: ServerState): void {
    const was = backend.servers.map((server) => server.outcome);
    let now = this.#evaluate(backend);
    if (this.#recover(backend, now)) now = this.#evaluate(backend);
    let changed = false;
    for (const [i, server] of backend.servers.entries()) {
      server.outcome = now.outcomes[i]!;
      const { key, facts, outcome, plan } = server;
      if (writeRow(this.#board, plan.slot, key, facts, outcome)) changed = true;
      if (this.#moved(server)) changed = true;
      if (backend.plan.killOnDown && wentDown(was[i]!, outcome)) this.kill(server);
    }
    const usableBefore = backend.usable;
    backend.usable = now.usable;
    backend.fit = now.fit;
    const row = backend.plan.slot * BACKEND.size;
    Atomics.store(this.#board.backends, row + BACKEND.USABLE, now.usable);
    if (changed) Atomics.add(this.#board.backends, row + BACKEND.EPOCH, 1);
    for (const [i, server] of backend.servers.entries()) {
      const because = subject && server !== subject ? server.cause : cause;
      if (this.#announcer.server(server, was[i]!, because)) this.#changed(server, was[i]!);
    }
    this.#announcer.backend(backend, usableBefore, cause);
  }

  /**
   * Servers that come back: health begins anew after maintenance, and slow start begins. True when
   * facts changed.
   */
  #recover(backend: BackendState, next: Evaluation): boolean {
    let any = false;
    for (const [i, server] of backend.servers.entries()) {
      const was = server.outcome;
      const is = next.outcomes[i]!;
      const leftMaint = was.admin === ADMIN.MAINT && is.admin !== ADMIN.MAINT;
      if (leftMaint) server.facts = { ...server.facts, active: "unknown", ejected: false };
      const isOut = is.admin === ADMIN.MAINT || (is.health === HEALTH.DOWN && !leftMaint);
      const wasOut = was.admin === ADMIN.MAINT || was.health === HEALTH.DOWN;
      if (isOut) this.#slowStart.end(server);
      const warms = wasOut && !isOut && server.facts.slowStartMs > 0;
      if (warms) this.#slowStart.begin(server);
      any ||= leftMaint || warms;
    }
    return any;
  }
}

const wentDown = (was: Outcome, is: Outcome): boolean =>
  was.health !== HEALTH.DOWN && is.health === HEALTH.DOWN;

/** Without a check of its kind, what a check once said no longer holds. */
function withoutUnchecked(facts: Facts, { check, agent }: BackendPlan): Facts {
  return {
    ...facts,
    active: checksActively(check) ? facts.active : "unknown",
    agent: { check, agent }[facts.agent.heardBy ?? "agent"] ? facts.agent : NO_WORDS,
    ejected: facts.ejected && (check?.observeFailures ?? 0) > 0,
  };
}
