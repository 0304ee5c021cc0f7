import type { Cancel } from "#base/clock.ts";
import type { Provider, ProviderContext, WatchTarget } from "./provider.ts";

/**
 * A name as configured: what to ask for, how often, and how long the last good answer may serve.
 */
export interface NameTarget extends WatchTarget {
  /** When the name has not been found for this long, its addresses are given up. */
  readonly holdMs: number;
}

/** One name being followed. Knows its addresses; who uses which is the discovery's business. */
export class WatchedName {
  readonly target: NameTarget;
  /** Of the last good answer; empty when given up, undefined before the first. */
  addresses: readonly string[] | undefined = undefined;
  /** Why the last question failed; undefined when it did not. */
  failure: string | undefined = undefined;
  /** It has been answered, or failed, at least once. */
  tried = false;
  /** Monotonic: when it was last known to be good. */
  #goodMs: number;
  readonly #cancel: Cancel;

  constructor(
    target: NameTarget,
    provider: Provider,
    context: ProviderContext,
    changed: (name: WatchedName, failedBefore: boolean) => void,
  ) {
    this.target = target;
    const { timers } = context;
    this.#goodMs = timers.monotonicMs();
    const heard = (addresses: readonly string[] | undefined, failure: string | undefined): void => {
      const failedBefore = this.failure !== undefined;
      this.tried = true;
      this.failure = failure;
      this.addresses = addresses;
      changed(this, failedBefore);
    };
    this.#cancel = provider.watch(target, context, {
      addresses: (addresses) => {
        this.#goodMs = timers.monotonicMs();
        heard(addresses, undefined);
      },
      failed: (reason) => {
        const givenUp = timers.monotonicMs() - this.#goodMs >= target.holdMs;
        heard(givenUp ? [] : this.addresses, reason);
      },
    });
  }

  /**
   * True while a server that uses the address may go on: before an answer, what was known holds.
   */
  holds(address: string): boolean {
    return this.addresses?.includes(address) ?? true;
  }

  stop(): void {
    this.#cancel();
  }
}
