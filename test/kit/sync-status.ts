import type { DirectorView } from "#control/api.ts";
import { createCounts } from "#director/sync/counts.ts";

export type SyncView = NonNullable<DirectorView["sync"]>;

/** What connection sync would say that has done this much. */
export function syncStatusOf(change: Partial<SyncView> = {}): SyncView {
  return {
    ...{ interface: "eth1", id: 7, role: "both", to: ["224.0.0.81"], port: 8848 },
    ...{ problem: undefined, peers: [], waiting: 0, isTellingAll: false },
    counts: createCounts(),
    ...change,
  };
}
