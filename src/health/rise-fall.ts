/** What the checks of one server saw so far. `unknown` until the first result. */
export type Health = "unknown" | "up" | "down";

/** How many results in a row it takes to change one's mind, and how often to look meanwhile. */
export interface RiseFallRules {
  readonly rise: number;
  readonly fall: number;
  readonly interMs: number;
  readonly fastInterMs: number;
  readonly downInterMs: number;
}

/**
 * The state and the results in a row that speak against it, always fewer than it takes to change
 * it.
 *
 *            ok                 fail × fall
 *   unknown ────► up, 0  ◄──────────────────►  down, 0
 *      └─────────────────────────────────────────┘ fail
 */
export interface RiseFall {
  readonly state: Health;
  readonly against: number;
}

export const UNKNOWN: RiseFall = Object.freeze({ state: "unknown", against: 0 });

/**
 * One result later. The first result of all decides alone: nothing is known that it could confirm.
 */
export function step(now: RiseFall, rules: RiseFallRules, ok: boolean): RiseFall {
  const seen = ok ? "up" : "down";
  if (now.state === "unknown") return { state: seen, against: 0 };
  if (now.state === seen) return now.against === 0 ? now : { state: seen, against: 0 };
  const against = now.against + 1;
  if (against >= (ok ? rules.rise : rules.fall)) return { state: seen, against: 0 };
  return { state: now.state, against };
}

/** Start to start: fast while in doubt, slow while surely down. */
export function nextIntervalMs(now: RiseFall, rules: RiseFallRules): number {
  if (now.state === "unknown" || now.against > 0) return rules.fastInterMs;
  return now.state === "down" ? rules.downInterMs : rules.interMs;
}
