import type { Cancel, Random, Timers } from "#base/clock.ts";
import type { Resolver } from "#io/resolver.ts";

/** What a provider is asked to follow: one name, as often as the configuration wants. */
export interface WatchTarget {
  readonly host: string;
  /** Longest between two questions; an answer that holds for less is asked again sooner. */
  readonly intervalMs: number;
}

export interface ProviderContext {
  readonly timers: Timers;
  readonly random: Random;
  readonly resolver: Resolver;
}

/** Told from then on, never from inside `watch`. */
export interface WatchSink {
  /** All addresses the name has now, most wanted first; at least one. */
  addresses(addresses: readonly string[]): void;
  /** It could not be found out, in words. What was known before still holds. */
  failed(reason: string): void;
}

/**
 * A place where servers' addresses come from: one file in providers/, and one line in its index.
 */
export interface Provider {
  readonly name: string;
  readonly summary: string;
  /** Follows a name until cancelled. Failures are told and tried again. */
  watch(target: WatchTarget, context: ProviderContext, sink: WatchSink): Cancel;
}
