import { createRandom } from "#base/clock.ts";
import { type CheckResult, type CheckType, check } from "#health/check.ts";
import { describeEvent } from "#health/events.ts";
import { createHealth, type Health } from "#health/health.ts";
import { encodeSockaddr } from "#io/sockaddr.ts";
import { ADDRESS_MAX_BYTES, writeAddress } from "#plan/address-cell.ts";
import { BACKEND, type Board, SERVER } from "#plan/board.ts";
import { describeRow } from "#plan/layout.ts";
import type { Plan } from "#plan/plan.ts";
import { testBoard } from "./health-plan.ts";
import { SimClock } from "./sim-clock.ts";

export const PASS: CheckResult = { ok: true, code: "L4OK", detail: "connection accepted" };
export const FAIL: CheckResult = { ok: false, code: "L4CON", detail: "connection refused" };

/** How long a played check takes. */
export const CHECK_MS = 10;

/**
 * Health on a simulated clock, with checks whose answers a test plays: the types "fake" and
 * "fake-agent" answer what `answers` holds for the server's name (`a` and `a agent`), PASS when
 * nothing, never while it holds "silence".
 */
export class HealthWorld {
  readonly clock = new SimClock();
  readonly board: Board;
  readonly answers = new Map<string, CheckResult | "silence">();
  /** Server name and time of every check begun. */
  readonly begun: [string, number][] = [];
  readonly log: string[] = [];
  health: Health;

  constructor(board = testBoard()) {
    this.board = board;
    this.health = this.engine();
  }

  /** A new engine on the same Board. The old one must have been stopped. */
  engine(): Health {
    this.health = createHealth({
      board: this.board,
      timers: this.clock,
      random: createRandom(1),
      dial: () => assertUnused("dial"),
      run: () => assertUnused("run"),
      datagram: () => assertUnused("datagram"),
      ping: () => assertUnused("ping"),
      pathTo: (service, server) => ({ problem: `no way to ${server} by ${service}` }),
      locate: (address) => (address.kind === "name" ? undefined : address),
      types: [this.#type("fake", ""), this.#type("fake-agent", " agent")],
    });
    this.health.events.subscribe((event) => this.log.push(describeEvent(event)));
    return this.health;
  }

  /** Puts every fixed address on the Board, as discovery does, and applies the Plan. */
  apply(plan: Plan): void {
    const bytes = new Uint8Array(ADDRESS_MAX_BYTES);
    for (const { address, slot } of plan.backends.flatMap((backend) => backend.servers)) {
      const known = address.kind === "inet" || address.kind === "unix";
      writeAddress(this.board, slot, bytes, 0, known ? encodeSockaddr(address, bytes, 0) : 0);
    }
    this.health.apply(plan);
  }

  server(slot: number): Record<string, number> {
    return describeRow(SERVER, this.board.servers, slot);
  }

  backend(slot = 0): Record<string, number> {
    return describeRow(BACKEND, this.board.backends, slot);
  }

  fail(slot: number, times: number): void {
    Atomics.add(this.board.servers, slot * SERVER.size + SERVER.FAILURES, times);
  }

  /** Events since the last call. */
  news(): string[] {
    return this.log.splice(0);
  }

  #type(name: string, suffix: string): CheckType {
    return check({
      name,
      summary: "plays what a test says",
      options: {},
      start: (target, _options, { timers }, report) => {
        const key = `${target.server}${suffix}`;
        this.begun.push([key, timers.monotonicMs()]);
        const answer = this.answers.get(key) ?? PASS;
        if (answer === "silence") return () => {};
        return timers.after(CHECK_MS, () => report(answer));
      },
    });
  }
}

function assertUnused(what: string): never {
  throw new Error(`${what} is not for simulated checks`);
}
