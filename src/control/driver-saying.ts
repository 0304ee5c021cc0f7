import type { Level } from "#base/log.ts";
import type { EnginePlan } from "#plan/plan.ts";
import type { WorkerStatus } from "./api.ts";

export interface DriverSaying {
  readonly level: Level;
  readonly text: string;
}

/**
 * Which driver the workers run on and why, a saying for each reason; usually there is one. Where
 * `auto` had to do without io_uring, that is a warning: somebody may want to know what is missing.
 */
export function driverSayings(
  wanted: EnginePlan["driver"],
  workers: readonly Pick<WorkerStatus, "driver" | "reason">[],
): DriverSaying[] {
  const groups = Map.groupBy(workers, (worker) => worker.reason);
  return [...groups].map(([reason, members]) => ({
    level: wanted === "auto" && members[0]!.driver === "epoll" ? "warning" : "info",
    // A reason begins with the driver's name.
    text: `${members.length} ${members.length === 1 ? "worker" : "workers"} on ${reason}`,
  }));
}
