import type { Cancel, Timers } from "#base/clock.ts";
import type { ServerState } from "./server-state.ts";

/**
 * Slow start moves in this many steps, none shorter than STEP_MS: each makes schedulers build anew.
 */
const STEPS = 20;
const STEP_MS = 100;

/**
 * Lets servers that came back warm up: facts.warmSinceMs is set for slowStartMs, and `moved` is
 * called whenever the server's share of its weight should be worked out again.
 */
export class SlowStart {
  readonly #timers: Timers;
  readonly #moved: (server: ServerState) => void;
  readonly #running = new Map<ServerState, Cancel>();

  constructor(timers: Timers, moved: (server: ServerState) => void) {
    this.#timers = timers;
    this.#moved = moved;
  }

  begin(server: ServerState): void {
    server.facts = { ...server.facts, warmSinceMs: this.#timers.monotonicMs() };
    this.#schedule(server);
  }

  end(server: ServerState): void {
    this.#running.get(server)?.();
    this.#running.delete(server);
    server.facts = { ...server.facts, warmSinceMs: undefined };
  }

  stop(): void {
    for (const cancel of this.#running.values()) cancel();
    this.#running.clear();
  }

  #schedule(server: ServerState): void {
    this.#running.get(server)?.();
    const stepMs = Math.max(STEP_MS, server.facts.slowStartMs / STEPS);
    this.#running.set(
      server,
      this.#timers.after(stepMs, () => this.#tick(server)),
    );
  }

  #tick(server: ServerState): void {
    const { warmSinceMs, slowStartMs } = server.facts;
    const warmMs = this.#timers.monotonicMs() - (warmSinceMs ?? 0);
    if (warmSinceMs === undefined || warmMs >= slowStartMs) this.end(server);
    else this.#schedule(server);
    this.#moved(server);
  }
}
