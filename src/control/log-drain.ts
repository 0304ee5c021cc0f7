import type { Cancel, Timers } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { Board } from "#plan/board.ts";
import type { LogPlan } from "#plan/plan.ts";
import { drainRing } from "./log-ring.ts";
import { type LogFiles, LogSink, systemLogFiles } from "./log-sink.ts";

const CALM_MS = 100;
/** When a ring was this full, look again soon. */
const BUSY_SHARE = 1 / 8;
const BUSY_MS = 10;
const COMPLAIN_MS = 60_000;

/** Carries the lines of every worker's ring to the targets of the Plan's logs. */
export class LogDrain {
  readonly #board: Board;
  readonly #timers: Timers;
  readonly #log: Log;
  readonly #files: LogFiles;
  readonly #rows = new Set<number>();
  readonly #sinks = new Map<string, LogSink>();
  /** By log index; holes stay. */
  #byIndex: (LogSink | undefined)[] = [];
  #cancel: Cancel | undefined;
  #complainedAtMs = -COMPLAIN_MS;
  #complained = 0;
  /** Lines for logs nobody knows. */
  #strays = 0;

  constructor(board: Board, timers: Timers, log: Log, files: LogFiles = systemLogFiles) {
    this.#board = board;
    this.#timers = timers;
    this.#log = log;
    this.#files = files;
  }

  /** Drains this worker's ring from now on. */
  addRow(worker: number): void {
    this.#rows.add(worker);
  }

  /**
   * The logs by index. Indices that earlier Plans used must mean the same or be gone for good (see
   * stable-logs.ts), for lines of the Plan before may still lie in the rings.
   */
  setLogs(logs: readonly LogPlan[]): void {
    logs.forEach(({ target, format }, index) => {
      if (format !== "none") this.#byIndex[index] = this.#sink(target);
    });
  }

  /** Exactly these logs: no worker writes to any other now. Files no longer used are closed. */
  settleLogs(logs: readonly LogPlan[]): void {
    this.drain();
    this.#byIndex = [];
    this.setLogs(logs);
    for (const [target, sink] of this.#sinks) {
      if (this.#byIndex.includes(sink)) continue;
      this.#sinks.delete(target);
      void sink.end();
    }
  }

  #sink(target: string): LogSink {
    let sink = this.#sinks.get(target);
    if (!sink) {
      sink = new LogSink(target, this.#files);
      this.#sinks.set(target, sink);
    }
    return sink;
  }

  start(): void {
    const pass = (): void => {
      const share = this.drain();
      this.#complain();
      this.#cancel = this.#timers.after(share > BUSY_SHARE ? BUSY_MS : CALM_MS, pass);
    };
    this.#cancel = this.#timers.after(CALM_MS, pass);
  }

  /** Empties every ring once and sends what came; returns how full the fullest was, 0 to 1. */
  drain(): number {
    let fullest = 0;
    for (const row of this.#rows) {
      fullest = Math.max(
        fullest,
        drainRing(this.#board, row, (index, line) => {
          const sink = this.#byIndex[index];
          if (sink) sink.append(line);
          else this.#strays++;
        }),
      );
    }
    for (const sink of this.#sinks.values()) sink.flush();
    return fullest;
  }

  reopen(): void {
    for (const sink of this.#sinks.values()) sink.reopen();
  }

  /** Lines lost, by target. */
  errors(): Record<string, number> {
    return Object.fromEntries(
      [...this.#sinks.values()].filter((s) => s.lost > 0).map((s) => [s.target, s.lost]),
    );
  }

  /** Drains a last time; resolves when all is written or lost. */
  async end(): Promise<void> {
    this.#cancel?.();
    this.drain();
    await Promise.all([...this.#sinks.values()].map((sink) => sink.end()));
    this.#complainedAtMs = -Infinity;
    this.#complain();
  }

  #complain(): void {
    const now = this.#timers.monotonicMs();
    if (now - this.#complainedAtMs < COMPLAIN_MS) return;
    const losers = [...this.#sinks.values()].filter((s) => s.lost > 0);
    const lost = losers.reduce((sum, s) => sum + s.lost, this.#strays);
    if (lost === this.#complained) return;
    const why = losers.map((s) => `${s.target}: ${s.lastError}`).join("; ");
    this.#log("warning", `${lost - this.#complained} log lines lost${why ? ` (${why})` : ""}`);
    this.#complained = lost;
    this.#complainedAtMs = now;
  }
}
