import type { Owner } from "#kit/owner.ts";
import type { BenchOptions, Outcome } from "../kit/bench.ts";

/** One thing about the director that is measured: its tables, checks and figures. */
export interface Work {
  readonly name: string;
  /** Why it cannot be done here: what is missing, by name; false when nothing is. */
  lacks(): string | false;
  /** Everything that is started ends with the owner. */
  run(owner: Owner, options: BenchOptions): Promise<Outcome>;
}

export const right = (title: string) => ({ title, align: "right" as const });
