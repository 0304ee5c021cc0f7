import type { Cancel, Timers } from "#base/clock.ts";
import type { Board } from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import type { EventHub } from "./events.ts";
import { type Shortage, shortageList } from "./shortage-list.ts";

const LOOK_MS = 1000;
/** So long without another time, and it is over. */
const OVER_MS = 10_000;

interface Episode {
  /** Counted before it began. */
  readonly before: number;
  readonly lastMs: number;
}

/** A shortage as it was at the look before. */
interface Seen {
  readonly count: number;
  readonly episode: Episode | undefined;
}

/**
 * Tells of a shortage once when it begins and once when it is over, however many it hits: the
 * counters in the metrics say how many. What a reload takes away is forgotten.
 */
export function watchShortages(
  board: Board,
  plan: () => Plan,
  timers: Timers,
  events: EventHub,
): Cancel {
  let seen = new Map<string, Seen>();
  const look = (): void => {
    cancel = timers.after(LOOK_MS, look);
    const nowMs = timers.monotonicMs();
    const next = new Map<string, Seen>();
    for (const shortage of shortageList(board, plan())) {
      const key = keyOf(shortage);
      const { count } = shortage;
      const before = seen.get(key) ?? { count, episode: undefined };
      next.set(key, { count, episode: follow(shortage, before, nowMs, events) });
    }
    seen = next;
  };
  for (const shortage of shortageList(board, plan())) {
    seen.set(keyOf(shortage), { count: shortage.count, episode: undefined });
  }
  let cancel = timers.after(LOOK_MS, look);
  return () => cancel();
}

const keyOf = ({ kind, what, subject }: Shortage): string => `${kind} ${what} ${subject}`;

/** The episode the shortage is in now, if any; tells of its begin and end. */
function follow(
  { kind, subject, text, count, now }: Shortage,
  { count: before, episode }: Seen,
  nowMs: number,
  events: EventHub,
): Episode | undefined {
  if (now || count > before) {
    if (!episode) events.tell(kind, "warning", text, subject);
    return { before: episode?.before ?? before, lastMs: nowMs };
  }
  if (!episode || nowMs - episode.lastMs < OVER_MS) return episode;
  const times = Math.max(1, count - episode.before);
  const often = times === 1 ? "1 time" : `${times} times`;
  events.tell(kind, "info", `Over, after ${often}: ${text}`, subject);
  return undefined;
}
