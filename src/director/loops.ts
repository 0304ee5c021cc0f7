import { HELPER, PROGRAM_TYPE } from "#io/bpf/abi.ts";
import { supportsHelper } from "#io/bpf/features.ts";
import type { MapOptions } from "#io/bpf/load-maps.ts";
import { CALL_LIMIT, PORT_LIMIT } from "#plan/director-numbers.ts";

/** How the programs go round in loops (bpf/repeat.h): by bpf_loop(), or over the rows of a map. */
export type Loops = "helper" | "rows";

let found: Loops | undefined;
/** What this kernel has. */
export const loops = (): Loops =>
  (found ??= supportsHelper(PROGRAM_TYPE.SCHED_CLS, HELPER.LOOP) ? "helper" : "rows");

/** Rows of tables that programs walk through. */
export interface Walked {
  /** Servers of one service may be all of them. */
  readonly destinations: number;
  readonly locals: number;
}

/** What the programs are loaded with for these loops, and with these tables. */
export function loopOptions(
  way: Loops,
  { destinations, locals }: Walked,
): Required<Pick<MapOptions, "sizes" | "rodata">> {
  const rounds = Math.max(CALL_LIMIT.REACH, destinations, locals * PORT_LIMIT.TRIES);
  return {
    rodata: { walks_rows: Number(way === "rows") },
    sizes: { rounds: way === "rows" ? rounds : 1 },
  };
}
