import { methodsOf } from "#plan/forwarding.ts";
import type { DirectorPlan, Plan } from "#plan/plan.ts";
import type { KernelSizes } from "./kernel.ts";

/** Rows of destinations at least: room for services that come later. */
const LEAST_DESTINATIONS = 16_384;
/** Rows for some connections where no service needs one for each of them. */
const FEW = 65_536;

/** How large the tables are to be for a Plan, and for what may be added to it. */
export function kernelSizesFor(plan: Plan, { connections }: DirectorPlan): KernelSizes {
  const { services, backends, engine } = plan;
  const wanted = services.reduce((sum, { backend }) => sum + backends[backend]!.servers.length, 0);
  let destinations = LEAST_DESTINATIONS;
  while (destinations < 4 * wanted) destinations *= 2;
  const roomFor = (isForAll: boolean): number =>
    isForAll ? connections : Math.min(FEW, connections);
  return {
    services: engine.limits.services,
    backends: engine.limits.backends,
    destinations,
    connections,
    replies: roomFor(services.some((one) => methodsOf(one, backends).has("fullnat"))),
    proxied: roomFor(services.some(({ synProxy }) => synProxy !== "off")),
  };
}
