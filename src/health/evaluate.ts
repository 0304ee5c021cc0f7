import { ADMIN, ADMIN_NAMES, HEALTH, WEIGHT_MAX, WEIGHT_SCALE } from "#plan/board.ts";
import type { WeightWord } from "./check.ts";
import type { Health } from "./rise-fall.ts";

/** In growing strictness, as on the Board. */
export type Admin = (typeof ADMIN_NAMES)[number];

/** What an agent on the server said last; nothing at first. */
export interface AgentWords {
  /**
   * Which check it answered; none for words taken over from another engine, until the first answer.
   */
  readonly heardBy: "check" | "agent" | undefined;
  readonly admin: Admin;
  readonly down: boolean;
  readonly weight: WeightWord | undefined;
  readonly maxConnections: number | undefined;
}

export const NO_WORDS: AgentWords = Object.freeze({
  heardBy: undefined,
  admin: "ready",
  down: false,
  weight: undefined,
  maxConnections: undefined,
});

/** All that is known about one server, each fact with one source. What follows is `evaluate`. */
export interface Facts {
  /** From the Plan. */
  readonly admin: Admin;
  readonly weight: number;
  readonly maxConnections: number;
  readonly backup: boolean;
  readonly slowStartMs: number;
  /** From an operator, in place of what the Plan says. */
  readonly adminWanted: Admin | undefined;
  readonly weightWanted: WeightWord | undefined;
  readonly limitWanted: number | undefined;
  /** An operator's word until the next check. */
  readonly forced: "up" | "down" | undefined;
  /** From active checks; stays unknown without any. */
  readonly active: Health;
  readonly agent: AgentWords;
  /** From passive observation, while no active check looks after the server. */
  readonly ejected: boolean;
  /** The server's address is known. */
  readonly located: boolean;
  /** When slow start began, monotonic; undefined when it is over. */
  readonly warmSinceMs: number | undefined;
}

/** What workers are told about one server: the columns of SERVER that control writes. */
export interface Outcome {
  readonly admin: number;
  readonly health: number;
  readonly weight: number;
  readonly effective: number;
  readonly sticky: number;
  readonly maxConnections: number;
}

export interface Evaluation {
  readonly outcomes: readonly Outcome[];
  /** Servers that take new requests. */
  readonly usable: number;
  /** Servers that could, the backups that are not needed included. */
  readonly fit: number;
}

/** Least share of its weight a warming server gets: it must see some traffic to warm at all. */
const COLDEST = 0.01;

/** 0.01 … 1: how much of its weight and limit a server is given while it warms up. */
export function warmth(facts: Facts, nowMs: number): number {
  if (facts.warmSinceMs === undefined || facts.slowStartMs <= 0) return 1;
  return Math.min(1, Math.max(COLDEST, (nowMs - facts.warmSinceMs) / facts.slowStartMs));
}

/** The stricter of the operator's (or the Plan's) word and the agent's: neither lifts the other. */
function adminOf(facts: Facts): number {
  const own = ADMIN_NAMES.indexOf(facts.adminWanted ?? facts.admin);
  return Math.max(own, ADMIN_NAMES.indexOf(facts.agent.admin));
}

function healthOf(facts: Facts): number {
  if (facts.forced) return facts.forced === "up" ? HEALTH.UP : HEALTH.DOWN;
  if (facts.active === "down" || facts.agent.down || facts.ejected) return HEALTH.DOWN;
  return facts.active === "up" ? HEALTH.UP : HEALTH.UNKNOWN;
}

/**
 * Weight with an operator's or agent's word applied; fractions are kept, a positive one stays so.
 */
function weigh(configured: number, word: WeightWord | undefined): number {
  if (word === undefined) return configured;
  const weight = "absolute" in word ? word.absolute : (configured * word.percent) / 100;
  return Math.min(WEIGHT_MAX, weight);
}

/** At least 1 unless the value is 0. */
const whole = (value: number): number => (value <= 0 ? 0 : Math.max(1, Math.round(value)));

function evaluateAlone(facts: Facts, nowMs: number): Outcome {
  const admin = adminOf(facts);
  const health = healthOf(facts);
  const weight = weigh(weigh(facts.weight, facts.weightWanted), facts.agent.weight);
  const share = warmth(facts, nowMs);
  const reachable = admin !== ADMIN.MAINT && health !== HEALTH.DOWN && facts.located;
  const limit = facts.agent.maxConnections ?? facts.limitWanted ?? facts.maxConnections;
  return {
    admin,
    health,
    weight: whole(weight),
    effective: reachable && admin === ADMIN.READY ? whole(weight * WEIGHT_SCALE * share) : 0,
    sticky: reachable ? 1 : 0,
    maxConnections: whole(limit * share),
  };
}

/**
 * What follows from the facts about a backend's servers. Pure.
 *
 * A server takes new requests when it is ready, not down, has an address and a weight. Unknown
 * health counts as up: before the first check nothing speaks against a server, and a backend
 * without checks must serve. Backups are used only while no other server can: the first that can,
 * or all of them. Persistence may still reach a server that drains, has weight 0 or is an idle
 * backup.
 */
export function evaluate(
  servers: readonly Facts[],
  allBackups: boolean,
  nowMs: number,
): Evaluation {
  const alone = servers.map((facts) => evaluateAlone(facts, nowMs));
  const can = (i: number): boolean => alone[i]!.effective > 0;
  const needBackups = !servers.some((facts, i) => !facts.backup && can(i));
  const firstBackup = servers.findIndex((facts, i) => facts.backup && can(i));
  const used = (i: number): boolean =>
    servers[i]!.backup ? needBackups && (allBackups || i === firstBackup) : true;
  const outcomes = alone.map((outcome, i) => (used(i) ? outcome : { ...outcome, effective: 0 }));
  return {
    outcomes,
    usable: outcomes.filter((outcome) => outcome.effective > 0).length,
    fit: alone.filter((outcome) => outcome.effective > 0).length,
  };
}
