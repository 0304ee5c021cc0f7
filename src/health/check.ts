import type { Address } from "#base/address.ts";
import type { Cancel, Timers } from "#base/clock.ts";
import type { DatagramOptions } from "#io/datagram.ts";
import type { Dialled, DialOptions } from "#io/dial.ts";
import type { Pinged, PingOptions } from "#io/ping.ts";
import type { ProgramOptions, ProgramResult } from "#io/program.ts";
import type { CheckResultName } from "#plan/check-result.ts";
import type { CheckPlan } from "#plan/plan.ts";
import type { Fields, InferFields } from "#schema/index.ts";

/** Whom to ask. The address is resolved. */
export interface CheckTarget {
  readonly address: Address;
  readonly backend: string;
  readonly server: string;
  /** How connections get there; absent: as any other. */
  readonly path?: CheckPath;
}

/** A firewall mark for what is sent, or as any other, or why nothing can be. */
export type CheckPath = { readonly mark: number } | "address" | { readonly problem: string };

/** What a check may do to the world; time and network are handed in, so tests can play both. */
export interface CheckContext {
  readonly timers: Timers;
  readonly dial: (
    address: Address,
    options: DialOptions,
    done: (result: Dialled) => void,
  ) => Cancel;
  readonly run: (
    path: string,
    options: ProgramOptions,
    done: (result: ProgramResult) => void,
  ) => Cancel;
  readonly datagram: (
    address: Address,
    options: DatagramOptions,
    done: (result: Dialled) => void,
  ) => Cancel;
  readonly ping: (host: string, options: PingOptions, done: (result: Pinged) => void) => Cancel;
  /** The whole check must be over by then, from its start; see deadline() of base/. */
  readonly timeoutMs: number;
}

/** Weight as an agent or an operator may say it: itself, or percent of the configured one. */
export type WeightWord = { readonly absolute: number } | { readonly percent: number };

/** What an agent on the server says about it. Absent = said nothing about that. */
export interface AgentReport {
  readonly weight?: WeightWord;
  readonly admin?: "ready" | "drain" | "maint";
  /** Requests in flight; 0 = no limit. */
  readonly maxConnections?: number;
  readonly health?: "up" | "down";
}

export interface CheckResult {
  readonly ok: boolean;
  readonly code: CheckResultName;
  /** One line in words: "status 503", "connection refused". */
  readonly detail: string;
  readonly agent?: AgentReport;
}

/** One way of asking a server how it is. */
export interface CheckType<F extends Fields = Fields> {
  readonly name: string;
  readonly summary: string;
  readonly options: F;
  /**
   * Begins one check. `report` is called once, never from inside `start`, within context.timeoutMs
   * and a moment; never after Cancel, which releases everything. When to check, and what follows
   * from a result, is the runner's business.
   */
  start(
    target: CheckTarget,
    options: InferFields<F>,
    context: CheckContext,
    report: (result: CheckResult) => void,
  ): Cancel;
}

/** Declares a check: one file in checks/ and one line in its index. */
export function check<F extends Fields>(type: CheckType<F>): CheckType<F> {
  return type;
}

/** The check type that is none: such a backend is watched by passive observation only. */
export const NO_CHECK = "none";

/** True when servers are asked how they are. */
export const checksActively = (plan: CheckPlan | undefined): plan is CheckPlan =>
  plan !== undefined && plan.type.name !== NO_CHECK;

const PRINTABLE = /[^\x20-\x7e]/g;

/**
 * Bytes from outside as a line fit for a log: what is not printable becomes a dot, the rest is cut.
 */
export function quoteLine(text: string, limit = 120): string {
  const line = text
    .split(/[\r\n]/, 1)[0]!
    .trim()
    .replace(PRINTABLE, ".");
  return line.length > limit ? `${line.slice(0, limit)}…` : line;
}

const CONNECT_CODES = ["L4TOUT", "L4CON"] as const;
const ANSWER_CODES = ["L7TOUT", "L7RSP"] as const;

/** The result of a conversation that failed below the protocol. */
export function dialFailure(result: Dialled): CheckResult | undefined {
  if (!result.failure) return undefined;
  const { phase, timeout, local, text } = result.failure;
  const [slow, broken] = phase === "connect" ? CONNECT_CODES : ANSWER_CODES;
  return { ok: false, code: local ? "SOCKERR" : timeout ? slow : broken, detail: text };
}
