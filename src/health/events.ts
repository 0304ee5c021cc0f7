import type { Cancel } from "#base/clock.ts";

/** Where a change came from. */
export type Reason = "check" | "agent" | "passive" | "operator" | "config" | "address" | "time";

/**
 * Something that changed about a server, or about a backend as a whole (`server` is empty then).
 */
export interface HealthEvent {
  /** Wall-clock milliseconds. */
  readonly atMs: number;
  readonly backend: string;
  readonly server: string;
  /** `up`, `down`, `unknown`; `ready`, `drain`, `maint`; of a backend `usable`, `unusable`. */
  readonly from: string;
  readonly to: string;
  readonly reason: Reason;
  /** In words, without a full stop: "tcp check failed: connection refused, 3 in a row". */
  readonly detail: string;
  /** How long `from` had lasted. */
  readonly durationMs: number;
  /** Servers of the backend that can take requests now, and all of them. */
  readonly fit: number;
  readonly servers: number;
}

const seconds = (ms: number): string =>
  ms < 60_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;

const FATES: Readonly<Record<string, string>> = {
  up: "is UP",
  down: "is DOWN",
  unknown: "may serve again",
  ready: "goes to READY",
  drain: "goes to DRAIN",
  maint: "goes to MAINT",
};

/** One line for a log: "Server web/a is DOWN: tcp check failed: …; 2 of 3 servers up". */
export function describeEvent(event: HealthEvent): string {
  const { backend, server, from, to, detail, fit, servers } = event;
  const left = `${fit} of ${servers} servers up`;
  if (server === "") {
    return to === "unusable"
      ? `Backend ${backend} has NO SERVER left: ${detail}; ${left}`
      : `Backend ${backend} has a server again after ${seconds(event.durationMs)}: ${detail}; ${left}`;
  }
  const after = from === "down" ? `, after ${seconds(event.durationMs)} down` : "";
  return `Server ${backend}/${server} ${FATES[to] ?? to}: ${detail}${after}; ${left}`;
}

/** The last events, and whoever wants the next ones. */
export interface EventLog {
  push(event: HealthEvent): void;
  /** Oldest first. */
  recent(): readonly HealthEvent[];
  /** Calls `listener` for every event from now on. It must not throw. */
  subscribe(listener: (event: HealthEvent) => void): Cancel;
}

export function createEventLog(limit = 1000): EventLog {
  const ring: HealthEvent[] = [];
  const listeners = new Set<(event: HealthEvent) => void>();
  let next = 0;
  return {
    push(event) {
      ring[next] = event;
      next = (next + 1) % limit;
      for (const listener of listeners) listener(event);
    },
    recent: () => (ring.length < limit ? [...ring] : [...ring.slice(next), ...ring.slice(0, next)]),
    subscribe(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
