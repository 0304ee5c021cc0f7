import type { Timers } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { StopMode } from "./api.ts";
import type { Workers } from "./workers.ts";

export interface ShutdownParts {
  readonly timers: Timers;
  readonly workers: Pick<Workers, "drain" | "stop" | "quiet">;
  /** Closes the sockets that clients come to. */
  closeSockets(): void;
  readonly tell: Log;
}

export interface ShutdownTimes {
  /** How long connections are still accepted, when the mode is graceful. */
  readonly delayMs: number;
  /** How long requests may go on after that. */
  readonly drainMs: number;
}

const QUIET_LOOK_MS = 10;
const QUIET_MS = 1000;
const QUICK_MS = 5000;

/** The end of an engine's traffic: a delay, then a drain. Both can be cut short while they last. */
export class Shutdown {
  readonly #parts: ShutdownParts;
  readonly #times: ShutdownTimes;
  readonly #mode: StopMode;
  #drainMs: number;
  #endDelay: (() => void) | undefined;
  #draining = false;

  constructor(parts: ShutdownParts, times: ShutdownTimes, mode: StopMode) {
    this.#parts = parts;
    this.#times = times;
    this.#mode = mode;
    this.#drainMs = limitOf(mode, times.drainMs);
  }

  /** Resolves when no worker is left. */
  async run(): Promise<void> {
    if (this.#mode === "graceful" && this.#times.delayMs > 0) await this.#delay();
    const { timers, workers, tell } = this.#parts;
    const beganMs = timers.monotonicMs();
    this.#draining = true;
    const drained = workers.drain(this.#drainMs);
    this.#closeWhenQuiet(beganMs + QUIET_MS);
    const cut = await drained;
    if (cut === 0) return;
    const waitedMs = Math.round(timers.monotonicMs() - beganMs);
    const requests = cut === 1 ? "1 request was" : `${cut} requests were`;
    tell("warning", `${requests} cut after ${waitedMs} ms`);
  }

  /** Makes it faster, never slower: another mode, no delay, or another limit of the drain. */
  hurry(mode: StopMode, { delayMs, drainMs }: ShutdownTimes): void {
    const limitMs = limitOf(mode, drainMs);
    const { timers, workers } = this.#parts;
    if (mode !== "graceful" || delayMs === 0) this.#endDelay?.();
    if (!this.#draining) this.#drainMs = Math.min(this.#drainMs, limitMs);
    else if (limitMs === 0) workers.stop();
    else timers.after(limitMs, () => workers.stop());
  }

  #delay(): Promise<void> {
    const { timers, tell } = this.#parts;
    const { delayMs } = this.#times;
    tell("info", `not ready any more; connections are still accepted for ${delayMs} ms`);
    return new Promise((resolve) => {
      const cancel = timers.after(delayMs, resolve);
      this.#endDelay = () => {
        cancel();
        resolve();
      };
    });
  }

  /**
   * Closes the sockets as soon as no worker accepts, so that clients are refused, not kept waiting.
   */
  #closeWhenQuiet(deadlineMs: number): void {
    const { timers, workers, closeSockets } = this.#parts;
    if (!workers.quiet() && timers.monotonicMs() < deadlineMs) {
      timers.after(QUIET_LOOK_MS, () => this.#closeWhenQuiet(deadlineMs));
    } else closeSockets();
  }
}

const limitOf = (mode: StopMode, drainMs: number): number =>
  ({ graceful: drainMs, quick: Math.min(QUICK_MS, drainMs), now: 0 })[mode];
