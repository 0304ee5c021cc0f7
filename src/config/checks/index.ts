import type { Review } from "../review.ts";
import { checkBinds } from "./binds.ts";
import { checkPaths } from "./check-paths.ts";
import { checkLimits } from "./limits.ts";
import { checkModes } from "./modes.ts";
import { checkReferences } from "./references.ts";
import { checkRules } from "./rules.ts";
import { checkServers } from "./servers.ts";
import { checkServiceBackends } from "./service-backends.ts";
import { checkServiceBinds } from "./service-binds.ts";
import { checkServiceServers } from "./service-servers.ts";
import { checkServices } from "./services.ts";
import { checkSync } from "./sync.ts";
import { checkTunnels } from "./tunnels.ts";

/** Everything that can only be judged by looking at more than one keyword. */
export const crossChecks: readonly ((review: Review) => void)[] = [
  checkReferences,
  checkBinds,
  checkModes,
  checkRules,
  checkServers,
  checkServices,
  checkTunnels,
  checkServiceBinds,
  checkServiceBackends,
  checkServiceServers,
  checkSync,
  checkPaths,
  checkLimits,
];
