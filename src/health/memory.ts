import type { Timers } from "#base/clock.ts";
import type { Facts } from "./evaluate.ts";

/** An operator's words about a server that is no longer configured. */
type Words = Pick<Facts, "adminWanted" | "weightWanted" | "limitWanted">;

export interface Memory {
  keep(key: string, words: Words): void;
  /** The words, once. */
  recall(key: string): Words | undefined;
}

/** How long they are kept: a configuration taken back is taken back soon. */
const KEEP_MS = 3_600_000;
const KEEP_COUNT = 4096;

/**
 * Remembers for an hour what an operator had said about servers that a reload removed, so that
 * removing one and adding it again (a rollback, a generated file that was incomplete for a moment)
 * does not put a server back to work that somebody had taken out.
 */
export function createMemory(timers: Timers): Memory {
  const kept = new Map<string, { words: Words; untilMs: number }>();
  return {
    keep(key, { adminWanted, weightWanted, limitWanted }) {
      kept.delete(key);
      kept.set(key, {
        words: { adminWanted, weightWanted, limitWanted },
        untilMs: timers.monotonicMs() + KEEP_MS,
      });
      // A Map iterates in the order of insertion: the first is the oldest.
      for (const oldest of kept.keys()) {
        if (kept.size <= KEEP_COUNT) break;
        kept.delete(oldest);
      }
    },
    recall(key) {
      const found = kept.get(key);
      kept.delete(key);
      return found && found.untilMs > timers.monotonicMs() ? found.words : undefined;
    },
  };
}
