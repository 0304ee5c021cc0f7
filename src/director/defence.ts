import type { DirectorPlan } from "#plan/plan.ts";

/** A connection table as it was counted last. */
export interface Shortage {
  readonly count: number;
  readonly size: number;
}

export const NO_SHORTAGE: Shortage = { count: 0, size: 1 };

/** Share of the table from which on it runs short. */
const SHORT = 0.9;

export const isShort = ({ count, size }: Shortage): boolean => count > SHORT * size;

/** With `auto`, at least every other new flow gets through: an LRU table has always room for it. */
const LEAST_RATE = 2;

/**
 * Of new flows one in so many is to be dropped; 0 = none. IPVS reckons with memory: of what it
 * wants to have free, the share that is missing is dropped. Here it is entries of the table, a
 * tenth of which is wanted free.
 */
export function dropRate(
  { dropPacket, amDropRate }: Pick<DirectorPlan, "dropPacket" | "amDropRate">,
  shortage: Shortage,
): number {
  if (dropPacket === "always") return amDropRate;
  if (dropPacket === "off" || !isShort(shortage)) return 0;
  const { count, size } = shortage;
  const wanted = (1 - SHORT) * size;
  const free = Math.max(0, size - count);
  return Math.max(LEAST_RATE, Math.floor(wanted / (wanted - free)));
}

/** TCP goes by the table of states for attacks now. */
export const isSecure = (
  { secureTcp }: Pick<DirectorPlan, "secureTcp">,
  shortage: Shortage,
): boolean => secureTcp === "always" || (secureTcp === "auto" && isShort(shortage));

/** Half-open connections are thrown out now. */
export const throwsOut = (
  { dropEntry }: Pick<DirectorPlan, "dropEntry">,
  shortage: Shortage,
): boolean => dropEntry === "always" || (dropEntry === "auto" && isShort(shortage));
