import type { Cancel, Timers } from "#base/clock.ts";
import { type Board, PROCESS_TOTALS } from "#plan/board.ts";
import type { EventHub } from "./events.ts";

type Column = "NO_DESCRIPTORS" | "NO_SLOTS" | "NO_PAGES";

/** What workers count when they run short of something, and what an operator is told of it. */
const SHORTAGES: readonly {
  readonly column: Column;
  readonly text: string;
}[] = [
  { column: "NO_DESCRIPTORS", text: "No descriptor is free: new connections wait" },
  { column: "NO_SLOTS", text: "No socket is free: new connections or requests are refused" },
  { column: "NO_PAGES", text: "No memory is free (engine.memory): requests wait or are refused" },
];

const LOOK_MS = 1000;
/** So long without another refusal, and it is over. */
const OVER_MS = 10_000;

interface Episode {
  /** Counted before it began. */
  readonly before: number;
  lastMs: number;
}

/**
 * Tells of a shortage once when it begins and once when it is over, however many it hits: the
 * counters in the metrics say how many.
 */
export function watchShortages(board: Board, timers: Timers, events: EventHub): Cancel {
  const counted = SHORTAGES.map(({ column }) => total(board, column));
  const episodes: (Episode | undefined)[] = SHORTAGES.map(() => undefined);
  const look = (): void => {
    cancel = timers.after(LOOK_MS, look);
    const nowMs = timers.monotonicMs();
    for (const [i, { column, text }] of SHORTAGES.entries()) {
      const count = total(board, column);
      const before = counted[i]!;
      counted[i] = count;
      const episode = episodes[i];
      if (count > before) {
        if (episode) episode.lastMs = nowMs;
        else {
          episodes[i] = { before, lastMs: nowMs };
          events.tell("worker", "warning", text);
        }
      } else if (episode && nowMs - episode.lastMs >= OVER_MS) {
        episodes[i] = undefined;
        events.tell("worker", "info", `Over, after ${count - episode.before} times: ${text}`);
      }
    }
  };
  let cancel = timers.after(LOOK_MS, look);
  return () => cancel();
}

const total = (board: Board, column: Column): number =>
  board.totals.reduce((sum, { process }) => sum + process[PROCESS_TOTALS[column]]!, 0);
