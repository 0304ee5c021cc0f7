import type { Cancel, Timers } from "#base/clock.ts";
import type { WorkerStart } from "#proxy/protocol.ts";
import type { SpawnWorker, WorkerHandlers, WorkerLink } from "./worker-thread.ts";

/** After a start or a death there is better to do at first. */
const CALM_MS = 1000;

interface Spare {
  readonly link: WorkerLink;
  handlers: WorkerHandlers | undefined;
}

/**
 * Worker threads whose code is loaded, waiting to be needed: loading takes longer than everything
 * else about a start. An engine that starts has as many as it will need load while it loads itself;
 * later one stands by, in the place of the next worker to die. It costs some 20 MB.
 */
export class SpareWorkers {
  readonly #timers: Timers;
  readonly #spawn: SpawnWorker;
  readonly #idle = new Set<Spare>();
  #cancel: Cancel | undefined;

  constructor(timers: Timers, spawn: SpawnWorker) {
    this.#timers = timers;
    this.#spawn = spawn;
  }

  /** Begins to load one more. */
  load(): void {
    const spare: Spare = {
      link: this.#spawn(null, {
        message: (message) => spare.handlers?.message(message),
        exit: (error) => {
          // One that dies unused is not replaced: the next would die as well.
          this.#idle.delete(spare);
          spare.handlers?.exit(error);
        },
      }),
      handlers: undefined,
    };
    this.#idle.add(spare);
  }

  /** Has exactly one ready, soon. */
  standBy(): void {
    if (this.#cancel) return;
    this.#cancel = this.#timers.after(CALM_MS, () => {
      this.#cancel = undefined;
      if (this.#idle.size === 0) this.load();
      for (const spare of [...this.#idle].slice(1)) this.#dismiss(spare);
    });
  }

  /** Starts a spare, or a new thread where there is none. */
  start(start: WorkerStart, handlers: WorkerHandlers): WorkerLink {
    const [spare] = this.#idle;
    if (!spare) return this.#spawn(start, handlers);
    this.#idle.delete(spare);
    spare.handlers = handlers;
    spare.link.post({ type: "start", start });
    return spare.link;
  }

  /** Ends those that are unused. */
  stop(): void {
    this.#cancel?.();
    for (const spare of [...this.#idle]) this.#dismiss(spare);
  }

  #dismiss(spare: Spare): void {
    this.#idle.delete(spare);
    spare.link.terminate();
  }
}
