import type { DirectorPlan } from "#plan/plan.ts";
import { isShort, SHORT, type TableCount } from "#plan/table-count.ts";

/** With `auto`, at least every other new flow gets through: an LRU table has always room for it. */
const LEAST_RATE = 2;

/**
 * Of new flows one in so many is to be dropped; 0 = none. IPVS reckons with memory: of what it
 * wants to have free, the share that is missing is dropped. Here it is entries of the table, a
 * tenth of which is wanted free.
 */
export function dropRate(
  { dropPacket, amDropRate }: Pick<DirectorPlan, "dropPacket" | "amDropRate">,
  table: TableCount,
): number {
  if (dropPacket === "always") return amDropRate;
  if (dropPacket === "off" || !isShort(table)) return 0;
  const { count, size } = table;
  const wanted = (1 - SHORT) * size;
  const free = Math.max(0, size - count);
  return Math.max(LEAST_RATE, Math.floor(wanted / (wanted - free)));
}

/** TCP goes by the table of states for attacks now. */
export const isSecure = (
  { secureTcp }: Pick<DirectorPlan, "secureTcp">,
  table: TableCount,
): boolean => secureTcp === "always" || (secureTcp === "auto" && isShort(table));

/** Half-open connections are thrown out now. */
export const throwsOut = (
  { dropEntry }: Pick<DirectorPlan, "dropEntry">,
  table: TableCount,
): boolean => dropEntry === "always" || (dropEntry === "auto" && isShort(table));
