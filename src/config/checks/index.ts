import type { Review } from "../review.ts";
import { checkBinds } from "./binds.ts";
import { checkLimits } from "./limits.ts";
import { checkModes } from "./modes.ts";
import { checkReferences } from "./references.ts";
import { checkRules } from "./rules.ts";
import { checkServers } from "./servers.ts";

/** Everything that can only be judged by looking at more than one keyword. */
export const crossChecks: readonly ((review: Review) => void)[] = [
  checkReferences,
  checkBinds,
  checkModes,
  checkRules,
  checkServers,
  checkLimits,
];
