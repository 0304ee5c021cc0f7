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
 * Keeps one worker thread ready whose code is loaded: that takes a quarter of a second, which would
 * be the gap when a worker dies. It costs some 20 MB.
 */
export class SpareWorker {
  readonly #timers: Timers;
  readonly #spawn: SpawnWorker;
  #spare: Spare | undefined;
  #cancel: Cancel | undefined;

  constructor(timers: Timers, spawn: SpawnWorker) {
    this.#timers = timers;
    this.#spawn = spawn;
  }

  /** Has one ready soon. */
  prepare(): void {
    if (this.#spare || this.#cancel) return;
    this.#cancel = this.#timers.after(CALM_MS, () => {
      this.#cancel = undefined;
      const spare: Spare = {
        link: this.#spawn(null, {
          message: (message) => spare.handlers?.message(message),
          exit: (error) => {
            // One that dies unused is not replaced: the next would die as well.
            if (this.#spare === spare) this.#spare = undefined;
            spare.handlers?.exit(error);
          },
        }),
        handlers: undefined,
      };
      this.#spare = spare;
    });
  }

  /** Starts the spare, or a new thread where there is none. */
  start(start: WorkerStart, handlers: WorkerHandlers): WorkerLink {
    const spare = this.#spare;
    if (!spare) return this.#spawn(start, handlers);
    this.#spare = undefined;
    spare.handlers = handlers;
    spare.link.post({ type: "start", start });
    return spare.link;
  }

  /** Ends it unused. */
  stop(): void {
    this.#cancel?.();
    this.#spare?.link.terminate();
    this.#spare = undefined;
  }
}
