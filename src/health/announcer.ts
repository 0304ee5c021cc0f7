import type { Timers } from "#base/clock.ts";
import { ADMIN_NAMES, type Board, HEALTH, HEALTH_NAMES, SERVER } from "#plan/board.ts";
import type { Outcome } from "./evaluate.ts";
import type { EventLog } from "./events.ts";
import { addCell } from "./rows.ts";
import type { BackendState, Cause, ServerState } from "./server-state.ts";

/** Turns changes of outcome into counters, durations and events. */
export class Announcer {
  readonly #board: Board;
  readonly #timers: Timers;
  readonly #events: EventLog;

  constructor(board: Board, timers: Timers, events: EventLog) {
    this.#board = board;
    this.#timers = timers;
    this.#events = events;
  }

  /** Compares a server's outcome with what it was; true when its health or state is another. */
  server(server: ServerState, was: Outcome, cause: Cause): boolean {
    const is = server.outcome;
    if (was.health === is.health && was.admin === is.admin) return false;
    server.cause = cause;
    const changedAt = server.plan.slot * SERVER.size + SERVER.CHANGED_AT;
    Atomics.store(this.#board.servers, changedAt, Math.floor(this.#timers.wallMs() / 1000));
    if (was.health !== is.health) this.#health(server, was, cause);
    if (was.admin !== is.admin) {
      const lastedMs = this.#timers.monotonicMs() - server.adminSinceMs;
      server.adminSinceMs += lastedMs;
      const [from, to] = [ADMIN_NAMES[was.admin]!, ADMIN_NAMES[is.admin]!];
      this.#push(server.backend, server, from, to, cause, lastedMs);
    }
    return true;
  }

  /** The backend's first usable server came, or its last one went. */
  backend(backend: BackendState, usableBefore: number, cause: Cause): void {
    if (usableBefore < 0 || usableBefore > 0 === backend.usable > 0) return;
    const lastedMs = this.#timers.monotonicMs() - backend.sinceMs;
    backend.sinceMs += lastedMs;
    const [from, to] = backend.usable > 0 ? ["unusable", "usable"] : ["usable", "unusable"];
    this.#push(backend, undefined, from!, to!, cause, lastedMs);
  }

  #health(server: ServerState, was: Outcome, cause: Cause): void {
    const is = server.outcome;
    const { slot } = server.plan;
    const lastedMs = this.#timers.monotonicMs() - server.healthSinceMs;
    server.healthSinceMs += lastedMs;
    if (is.health === HEALTH.DOWN) addCell(this.#board, slot, SERVER.DOWNS, 1);
    else if (was.health === HEALTH.DOWN) addCell(this.#board, slot, SERVER.DOWN_MS, lastedMs);
    // From unknown to up is no news: it was used before. Out of maintenance, health begins anew.
    else return;
    if (is.health !== HEALTH.DOWN && was.admin !== is.admin) return;
    const [from, to] = [HEALTH_NAMES[was.health]!, HEALTH_NAMES[is.health]!];
    this.#push(server.backend, server, from, to, cause, lastedMs);
  }

  #push(
    backend: BackendState,
    server: ServerState | undefined,
    from: string,
    to: string,
    cause: Cause,
    durationMs: number,
  ): void {
    this.#events.push({
      atMs: this.#timers.wallMs(),
      backend: backend.plan.name,
      server: server?.plan.name ?? "",
      from,
      to,
      ...cause,
      durationMs,
      fit: backend.fit,
      servers: backend.servers.length,
    });
  }
}
