import type { Cancel, Timers } from "./clock.ts";

/** A timer this late was not waited for, it was held up: the event loop had stalled. */
const STALL_MS = 50;

/**
 * Runs `expired` once, `delayMs` from now. When our own event loop stalled meanwhile, whoever the
 * deadline is for gets the whole time again, once: what he sent may be waiting unread, and one
 * pause of ours must not make every server look slow at the same moment.
 */
export function deadline(timers: Timers, delayMs: number, expired: () => void): Cancel {
  const dueMs = timers.monotonicMs() + delayMs;
  let cancel = timers.after(delayMs, () => {
    if (timers.monotonicMs() - dueMs <= STALL_MS) expired();
    else cancel = timers.after(delayMs, expired);
  });
  return () => cancel();
}
