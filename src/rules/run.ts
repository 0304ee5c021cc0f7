// @hot
import type { HostIndex } from "./host-index.ts";
import { keepPathSafe } from "./target.ts";
import type { Action, Matcher, RequestView, Rules, Verdict } from "./types.ts";
import { normalisedPath } from "./view.ts";

/** A rule made ready to run: every matcher must say what `wanted` has at its place. */
export interface CompiledRule {
  /** Its place among the frontend's rules. */
  readonly index: number;
  readonly matchers: readonly Matcher[];
  readonly wanted: readonly boolean[];
  readonly actions: readonly Action[];
}

/** Runs one rule. True when it ended the rules. */
function runRule(rule: CompiledRule, view: RequestView, verdict: Verdict): boolean {
  const matchers = rule.matchers;
  for (let i = 0; i < matchers.length; i++) {
    if (matchers[i]!(view) !== rule.wanted[i]) return false;
  }
  const actions = rule.actions;
  for (let i = 0; i < actions.length; i++) {
    if (actions[i]!(view, verdict)) {
      verdict.rule = rule.index;
      return true;
    }
  }
  return false;
}

/** A request that some rule could not judge is refused, whatever the others decided. */
function settle(view: RequestView, verdict: Verdict): void {
  if (view.refuse === 0) return;
  verdict.status = view.refuse;
  verdict.backend = -1;
  verdict.headersEnd = 0;
}

/**
 * For rules of which any goes by the path. Each request goes on by a path that all of them could
 * have judged, also one that was decided before a condition looked at it.
 */
export function createPathKeeping(run: Rules): Rules {
  return (view, verdict) => {
    normalisedPath(view);
    run(view, verdict);
    keepPathSafe(view, verdict);
  };
}

/** The rules in order, each held against the request. */
export function createSequence(rules: readonly CompiledRule[]): Rules {
  return (view, verdict) => {
    for (let i = 0; i < rules.length; i++) if (runRule(rules[i]!, view, verdict)) break;
    settle(view, verdict);
  };
}

/**
 * The same over only those rules that the request's host can meet. Rules in the index come without
 * the host condition that put them there.
 */
export function createIndexed(rules: readonly CompiledRule[], index: HostIndex): Rules {
  const always = index.always;
  return (view, verdict) => {
    const list = index.find(view);
    const end = index.starts[list + 1]!;
    let at = index.starts[list]!;
    let i = 0;
    while (at < end || i < always.length) {
      const own = at < end ? index.rules[at]! : rules.length;
      const common = i < always.length ? always[i]! : rules.length;
      if (own < common) at++;
      else i++;
      if (runRule(rules[Math.min(own, common)]!, view, verdict)) break;
    }
    settle(view, verdict);
  };
}
