import type { Cancel, Timers } from "#base/clock.ts";
import type { Discovery } from "#discovery/discovery.ts";
import type { Health } from "#health/health.ts";
import { type Board, FRONTEND, GLOBAL } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import type { ReloadResult } from "./api.ts";
import type { DirectorPlace } from "./director-place.ts";
import type { EngineListeners } from "./engine-listeners.ts";
import { copySlots, type PlanSlots, type Running, saveState } from "./engine-state.ts";
import { faultSaying } from "./fault-saying.ts";
import type { Judged } from "./judge.ts";
import type { LogDrain } from "./log-drain.ts";
import { settleRows } from "./settle-rows.ts";
import { withStableLogs } from "./stable-logs.ts";
import type { Workers } from "./workers.ts";

/**
 * Reads the configuration files: for a Board whose rows are taken as `slots` says, to follow
 * `before`.
 */
export type JudgeFiles = (
  slots: PlanSlots | undefined,
  generation: number,
  before: Running | undefined,
) => Promise<Judged>;

/** Whom a Plan concerns. */
export interface ConfigurationParts {
  readonly board: Board;
  readonly timers: Timers;
  readonly listeners: EngineListeners;
  readonly workers: Workers;
  readonly logs: LogDrain;
  readonly discovery: Discovery;
  readonly health: Health;
  readonly director: DirectorPlace;
  readonly judge: JudgeFiles;
  /** Another Plan is in force: for the monitor, and to be kept for the next engine. */
  changed(plan: Plan, state: Uint8Array): void;
}

export type Applied = Pick<ReloadResult, "ok" | "message" | "faults" | "text">;

/** How long a start or reload waits for the addresses of names it has not asked for before. */
const NAMES_MS = 3000;
const SETTLE_MS = 1000;

/** The configuration in force, and the way from one to the next. */
export class Configuration {
  readonly #parts: ConfigurationParts;
  #running: Running;
  #slots: PlanSlots;
  #alone: boolean;
  #cancelSettle: Cancel | undefined;

  /** `alone`: no other engine lives that may read rows which `slots` has given up. */
  constructor(parts: ConfigurationParts, running: Running, slots: PlanSlots, alone: boolean) {
    this.#parts = parts;
    this.#running = running;
    this.#slots = slots;
    this.#alone = alone;
  }

  get running(): Running {
    return this.#running;
  }

  /** Puts the first Plan in force. `fresh`: nothing on the Board is worth keeping. */
  async open(fresh: boolean): Promise<void> {
    const { listeners, workers, logs } = this.#parts;
    const { plan } = this.#running;
    logs.setLogs(plan.logs);
    await this.#prepare(plan, fresh ? NAMES_MS : 0);
    this.#writeFrontends(plan, fresh ? new Set() : undefined);
    await workers.start({ plan, listeners: listeners.traffic(plan) });
    logs.start();
    this.#announce();
  }

  /** Reads the configuration again and puts it in force, whole or not at all. */
  async reload(): Promise<Applied> {
    const { judge, listeners, workers, logs } = this.#parts;
    const before = this.#running;
    const slots = copySlots(this.#slots);
    const judged = await judge(slots, before.plan.generation + 1, before);
    if (!judged.plan) return refusal(judged.faults, judged.text);
    const plan = withStableLogs(judged.plan, slots.logs);
    if (!plan) return refusal([faultSaying("more than 256 different logs")]);
    const taken = await listeners.ensure(plan);
    if (taken.length > 0) return refusal(taken.map((fault) => faultSaying(fault.message)));
    await this.#prepare(plan, NAMES_MS);
    logs.setLogs(plan.logs);
    this.#writeFrontends(plan, new Set(before.plan.frontends.map((f) => f.slot)));
    const refused = await workers.apply({ plan, listeners: listeners.traffic(plan) });
    if (refused.length > 0) {
      await this.#goBack(before, plan.generation + 1);
      return refusal(refused.map((text) => faultSaying(text)));
    }
    const { model, files, faults, text, message } = judged;
    this.#running = { plan, model, startModel: before.startModel, files };
    this.#slots = slots;
    this.#announce();
    return { ok: true, message, faults, text };
  }

  /** No other engine lives any more. */
  nowAlone(): void {
    this.#alone = true;
    this.#settle();
  }

  stop(): void {
    this.#cancelSettle?.();
    this.#parts.health.stop();
    this.#parts.discovery.stop();
    this.#parts.director.stop();
  }

  /** The Plan is in force everywhere: what only the one before needed can go. */
  #announce(): void {
    const { board, listeners, changed } = this.#parts;
    const { plan } = this.#running;
    Atomics.store(board.global, GLOBAL.GENERATION, plan.generation);
    changed(plan, saveState(this.#running, this.#slots));
    listeners.keepOnly(plan);
    this.#settle();
  }

  /** Workers could not take a Plan that was found good: the one before is put in force again. */
  async #goBack(before: Running, generation: number): Promise<void> {
    const { listeners, workers } = this.#parts;
    const plan = { ...before.plan, generation };
    this.#running = { ...before, plan };
    await this.#prepare(plan, 0);
    await workers.apply({ plan, listeners: listeners.traffic(plan) });
    this.#announce();
  }

  /** Addresses and states of a Plan's servers, on the Board before a worker may look for them. */
  async #prepare(plan: Plan, namesMs: number): Promise<void> {
    const { discovery, health, director } = this.#parts;
    discovery.apply(plan);
    if (namesMs > 0) {
      await new Promise<void>((resolve) => void discovery.whenTried(namesMs, resolve));
    }
    health.apply(plan);
    await director.apply(plan);
  }

  /**
   * What operators may change at run time begins as configured; `known` slots stay open or paused.
   */
  #writeFrontends(plan: Plan, known: ReadonlySet<number> | undefined): void {
    const { frontends } = this.#parts.board;
    for (const { slot, maxConnections } of plan.frontends) {
      const row = slot * FRONTEND.size;
      frontends[row + FRONTEND.MAX_CONNECTIONS] = maxConnections;
      if (known && !known.has(slot)) frontends[row + FRONTEND.STATE] = 0;
    }
  }

  /** Frees rows as they fall quiet, once no other engine can be using them. */
  #settle(): void {
    this.#cancelSettle?.();
    if (!this.#alone) return;
    this.#parts.logs.settleLogs(this.#running.plan.logs);
    if (settleRows(this.#parts.board, this.#slots)) return;
    this.#cancelSettle = this.#parts.timers.after(SETTLE_MS, () => this.#settle());
  }
}

export function refusal(
  faults: ReloadResult["faults"],
  text = faults.map((fault) => `${fault.message}\n`).join(""),
): Applied {
  const count = faults.filter((fault) => fault.severity === "error").length;
  const message = `refused, the configuration before stays: ${count} fault${count === 1 ? "" : "s"}`;
  return { ok: false, message, faults, text };
}
