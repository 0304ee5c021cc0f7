// @hot
import type { Matcher } from "./types.ts";

/** Met when one of them is. */
export function createAny(matchers: readonly Matcher[]): Matcher {
  if (matchers.length === 1) return matchers[0]!;
  return (view) => {
    for (let i = 0; i < matchers.length; i++) if (matchers[i]!(view)) return true;
    return false;
  };
}
