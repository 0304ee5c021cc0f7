import { type Address, formatAddress } from "#base/address.ts";
import type { Timers } from "#base/clock.ts";
import { ADMIN_NAMES, type Board, HEALTH, HEALTH_NAMES, SERVER } from "#plan/board.ts";
import type { CheckResultName } from "#plan/check-result.ts";
import type { WeightWord } from "./check.ts";
import { type Admin, warmth } from "./evaluate.ts";
import type { Health } from "./rise-fall.ts";
import type { CheckEnding } from "./runner.ts";
import type { BackendState, ServerState } from "./server-state.ts";

/** How the last check, or the last question to an agent, ended. */
export interface CheckSnapshot {
  readonly ok: boolean;
  readonly code: CheckResultName;
  readonly detail: string;
  readonly durationMs: number;
  /** Results in a row alike; failures negative. */
  readonly streak: number;
  /** Rise and fall: the state so far and the results in a row against it. */
  readonly state: Health;
  readonly against: number;
}

export interface ServerSnapshot {
  readonly name: string;
  /** As configured. */
  readonly configured: string;
  /** Where it takes requests now; undefined while its name is not resolved. */
  readonly address: string | undefined;
  readonly backup: boolean;
  readonly admin: Admin;
  readonly health: Health;
  readonly weight: number;
  /** 0 … 1 while it warms up, else 1. */
  readonly warmth: number;
  /** It takes new requests. */
  readonly usable: boolean;
  /** An operator's words in force. */
  readonly wanted: {
    readonly admin: Admin | undefined;
    readonly weight: WeightWord | undefined;
    readonly maxConnections: number | undefined;
    readonly health: "up" | "down" | undefined;
  };
  /** Why it is as it is, in words. */
  readonly reason: string;
  /** How long health, and the administrative state, have been as they are. */
  readonly healthMs: number;
  readonly adminMs: number;
  readonly downs: number;
  /** The present outage included. */
  readonly downMs: number;
  readonly check: CheckSnapshot | undefined;
  readonly agent: CheckSnapshot | undefined;
}

export interface BackendSnapshot {
  readonly name: string;
  readonly usable: number;
  readonly servers: readonly ServerSnapshot[];
}

/** What the tracker knows besides the states. */
export interface Findings {
  readonly check: CheckEnding | undefined;
  readonly agent: CheckEnding | undefined;
  readonly address: Address | undefined;
}

function checkSnapshot(ending: CheckEnding | undefined): CheckSnapshot | undefined {
  if (!ending) return undefined;
  const { result, durationMs, streak, is } = ending;
  const { ok, code, detail } = result;
  return { ok, code, detail, durationMs, streak, ...is };
}

function serverSnapshot(
  server: ServerState,
  board: Board,
  nowMs: number,
  findings: Findings,
): ServerSnapshot {
  const { plan, facts, outcome } = server;
  const row = plan.slot * SERVER.size;
  const healthMs = nowMs - server.healthSinceMs;
  const outageMs = outcome.health === HEALTH.DOWN ? healthMs : 0;
  return {
    name: plan.name,
    configured: formatAddress(plan.address),
    address: findings.address && formatAddress(findings.address),
    backup: plan.backup,
    admin: ADMIN_NAMES[outcome.admin]!,
    health: HEALTH_NAMES[outcome.health]!,
    weight: outcome.weight,
    warmth: warmth(facts, nowMs),
    usable: outcome.effective > 0,
    wanted: {
      admin: facts.adminWanted,
      weight: facts.weightWanted,
      maxConnections: facts.limitWanted,
      health: facts.forced,
    },
    reason: server.cause.detail,
    healthMs,
    adminMs: nowMs - server.adminSinceMs,
    downs: board.servers[row + SERVER.DOWNS]!,
    downMs: board.servers[row + SERVER.DOWN_MS]! + outageMs,
    check: checkSnapshot(findings.check),
    agent: checkSnapshot(findings.agent),
  };
}

/** For status and the monitor: plain data. */
export function snapshotOf(
  backend: BackendState,
  board: Board,
  timers: Timers,
  findingsOf: (server: ServerState) => Findings,
): BackendSnapshot {
  const nowMs = timers.monotonicMs();
  return {
    name: backend.plan.name,
    usable: backend.usable,
    servers: backend.servers.map((server) =>
      serverSnapshot(server, board, nowMs, findingsOf(server)),
    ),
  };
}
