import { writeSync } from "node:fs";
import type { Level, Log } from "#base/log.ts";
import { systemClock } from "#io/clock.ts";

/**
 * Syslog's numbers, which journald reads in angle brackets at a line's beginning (sd-daemon(3)).
 */
const PRIORITY: Readonly<Record<Level, number>> = { error: 3, warning: 4, info: 6 };

/** A Log to standard error: with the time, or as journald likes it where that is what reads us. */
export function stderrLog(env: Readonly<Record<string, string | undefined>>): Log {
  const journald = env["JOURNAL_STREAM"] !== undefined;
  return (level, text) => {
    const time = new Date(systemClock.wallMs()).toISOString();
    const head = journald ? `<${PRIORITY[level]}>` : `${time} ${level.padEnd(7)} `;
    const lines = text.split("\n").map((line) => `${head}${line}\n`);
    try {
      writeSync(2, lines.join(""));
    } catch {
      // Standard error is gone or full: nobody is left to tell.
    }
  };
}
