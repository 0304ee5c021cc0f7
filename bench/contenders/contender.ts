import type { Service } from "../kit/service.ts";

/** What every contender is given. Each forwards all requests to one server on 127.0.0.1. */
export interface Setup {
  /** A folder in memory for configuration and logs. */
  readonly scratch: string;
  readonly port: number;
  readonly backendPort: number;
  readonly threads: number;
  readonly cpus: string | undefined;
}

/**
 * A proxy to be measured. All do the same for a request: keep connections on both sides,
 * X-Forwarded-For, time limits, counters, one line in a log file. docs/design/benchmarks.md says
 * where they differ.
 */
export interface Contender {
  readonly name: string;
  /** One line that says which build this is, or undefined when it is not installed. */
  version(): string | undefined;
  start(setup: Setup): Service;
}
