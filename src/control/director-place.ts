import type { Timers } from "#base/clock.ts";
import type { Board } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import type { DirectorControl } from "./director.ts";
import type { EventHub } from "./events.ts";

/**
 * Where an engine's director is, once it has one. What a director is made of is loaded when a Plan
 * has services for the first time: an engine without any is up the sooner.
 */
export class DirectorPlace {
  readonly #make: (code: typeof import("./director.ts")) => DirectorControl;
  #director: DirectorControl | undefined;

  constructor(board: Board, timers: Timers, events: EventHub) {
    this.#make = (code) => new code.DirectorControl(board, timers, events);
  }

  get director(): DirectorControl | undefined {
    return this.#director;
  }

  /** Puts a Plan in force. What cannot be done is told. */
  async apply(plan: Plan): Promise<void> {
    if (!plan.director && !this.#director) return;
    this.#director ??= this.#make(await import("./director.ts"));
    this.#director.apply(plan);
  }

  stop(): void {
    this.#director?.stop();
  }
}
