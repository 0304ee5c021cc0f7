import type { Cancel } from "#base/clock.ts";
import type { Provider, ProviderContext, WatchTarget } from "./provider.ts";

/** A name as configured: whom to ask for, how often, and how long a lost address is kept in use. */
export interface NameTarget extends WatchTarget {
  /** An address missing from answers is still good for servers that use it, for this long. */
  readonly holdMs: number;
}

/** One name being followed. Knows its addresses; who uses which is the discovery's business. */
export class WatchedName {
  readonly target: NameTarget;
  /** What the last good answer said. */
  addresses: readonly string[] = [];
  /** Why the last question failed; undefined when it did not. */
  failure: string | undefined = undefined;
  /** It has been answered, or failed, at least once. */
  tried = false;
  readonly #seenMs = new Map<string, number>();
  readonly #context: ProviderContext;
  readonly #cancel: Cancel;

  constructor(
    target: NameTarget,
    provider: Provider,
    context: ProviderContext,
    changed: (name: WatchedName, failedBefore: boolean) => void,
  ) {
    this.target = target;
    this.#context = context;
    this.#cancel = provider.watch(target, context, {
      addresses: (addresses) => {
        const failedBefore = this.failure !== undefined;
        this.#take(addresses);
        changed(this, failedBefore);
      },
      failed: (reason) => {
        const failedBefore = this.failure !== undefined;
        this.tried = true;
        this.failure = reason;
        changed(this, failedBefore);
      },
    });
  }

  /** True while a server that uses the address may go on doing so. */
  holds(address: string): boolean {
    const seenMs = this.#seenMs.get(address);
    // Answers are what makes an address old: while none come, the last good ones hold.
    return seenMs !== undefined && (this.addresses.includes(address) || this.#young(seenMs));
  }

  stop(): void {
    this.#cancel();
  }

  #young(seenMs: number): boolean {
    return this.#context.timers.monotonicMs() - seenMs < this.target.holdMs;
  }

  #take(addresses: readonly string[]): void {
    const nowMs = this.#context.timers.monotonicMs();
    this.tried = true;
    this.failure = undefined;
    this.addresses = addresses;
    for (const address of addresses) this.#seenMs.set(address, nowMs);
    for (const [address, seenMs] of this.#seenMs) {
      if (!this.#young(seenMs) && !addresses.includes(address)) this.#seenMs.delete(address);
    }
  }
}
