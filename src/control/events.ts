import type { Cancel, Clock } from "#base/clock.ts";
import type { Log } from "#base/log.ts";
import type { ControlEvent } from "./api.ts";

const KEPT = 1000;

/** The last events, whoever wants the next ones, and the log that hears all of them. */
export class EventHub {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #kept: ControlEvent[] = [];
  readonly #listeners = new Set<(event: ControlEvent) => void>();

  constructor(clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
  }

  tell(
    kind: ControlEvent["kind"],
    level: ControlEvent["level"],
    text: string,
    subject: string = "",
  ): void {
    const event = { at: this.#clock.wallMs(), level, kind, subject, text };
    this.#log(level, text);
    this.#kept.push(event);
    if (this.#kept.length > KEPT) this.#kept.shift();
    for (const listener of this.#listeners) listener(event);
  }

  /** Oldest first. */
  recent(): readonly ControlEvent[] {
    return [...this.#kept];
  }

  subscribe(listener: (event: ControlEvent) => void): Cancel {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
