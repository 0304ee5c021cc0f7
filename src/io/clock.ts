import type { Cancel, Clock, Timers } from "#base/clock.ts";

/** Node clamps a longer delay to 1 ms: 2³¹ − 1 ms, some 24 days. */
const LONGEST_MS = 0x7fff_ffff;

/** The system's own clocks. */
export const systemClock: Clock = {
  monotonicMs: () => performance.now(),
  wallMs: () => Date.now(),
};

/** Timers of Node's event loop; a pending one keeps the process alive. */
export const systemTimers: Timers = {
  ...systemClock,
  after(delayMs, fn): Cancel {
    const dueMs = performance.now() + delayMs;
    const arm = (leftMs: number): NodeJS.Timeout => setTimeout(fire, Math.min(leftMs, LONGEST_MS));
    const fire = (): void => {
      const leftMs = dueMs - performance.now();
      // A timer may fire up to a millisecond early; only the pieces of a very long one are armed
      // again.
      if (leftMs > 2) timeout = arm(leftMs);
      else fn();
    };
    let timeout = arm(delayMs);
    return () => clearTimeout(timeout);
  },
};

/** Milliseconds of processor time this thread has used, in user and kernel mode. Allocates. */
export function threadBusyMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** CLOCK_MONOTONIC in nanoseconds, which BPF programs read too. */
export const kernelNs = (): bigint => process.hrtime.bigint();
