import type { Driver } from "#io/driver.ts";
import { FRONTEND } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import { hasRoom } from "./admission.ts";
import type { Core } from "./core.ts";
import type { WorkerListener } from "./protocol.ts";

const LISTENERS = 1024;

/** What a worker accepts on. */
export class Listening {
  readonly #driver: Driver;
  readonly #core: Core;
  /** The driver's listeners by descriptor. */
  readonly #listeners = new Map<number, number>();
  /** Those not accepted on for now: connections wait in the kernel's queue. */
  readonly #shut = new Set<number>();

  constructor(driver: Driver, core: Core) {
    this.#driver = driver;
    this.#core = core;
  }

  /**
   * A key may have several sockets: all are accepted on. A descriptor names one while it is open.
   */
  take(plan: Plan, listeners: readonly WorkerListener[]): void {
    const slots = new Map<string, number>();
    for (const frontend of plan.frontends) {
      for (const bind of frontend.binds) slots.set(bind.key, frontend.slot);
    }
    const wanted = listeners.filter((l) => slots.has(l.key));
    const stay = new Set(wanted.map((l) => l.fd));
    for (const [fd, listener] of this.#listeners) {
      if (stay.has(fd)) continue;
      this.#driver.unlisten(listener);
      this.#listeners.delete(fd);
      this.#shut.delete(listener);
    }
    for (const { key, fd } of wanted) {
      const known = this.#listeners.get(fd);
      const listener = known ?? this.#free();
      this.#core.listeners[listener] = slots.get(key)!;
      if (known !== undefined) continue;
      this.#listeners.set(fd, listener);
      this.#shut.add(listener);
    }
    this.look();
  }

  /**
   * Shuts listeners of frontends that an operator paused or that are full, and opens those of
   * others. `core.shut` says whether to look again soon: other threads make room, too. A worker
   * that lacks sockets of its own turns clients away instead: in its queue they would wait for it
   * alone, while other threads may have room.
   */
  look(): void {
    const core = this.#core;
    core.shut = core.heldCount > 0;
    for (const [fd, listener] of this.#listeners) {
      const slot = core.listeners[listener]!;
      const full = !hasRoom(core, slot);
      if (full) core.shut = true;
      const paused = core.board.frontends[slot * FRONTEND.size + FRONTEND.STATE] === 1;
      if ((full || paused) === this.#shut.has(listener)) continue;
      if (full || paused) {
        this.#shut.add(listener);
        this.#driver.unlisten(listener);
      } else {
        this.#shut.delete(listener);
        this.#driver.listen(listener, fd);
      }
    }
  }

  /** Accepts no more, for good. Another engine may go on with the same sockets. */
  end(): void {
    for (const listener of this.#listeners.values()) this.#driver.leave(listener);
  }

  #free(): number {
    const used = new Set(this.#listeners.values());
    let listener = 0;
    while (used.has(listener)) listener++;
    if (listener >= LISTENERS) throw new Error(`more than ${LISTENERS} listeners`);
    return listener;
  }
}
