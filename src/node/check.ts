import type { Facts } from "./facts.ts";

/** Something that is not as it should be, and how to mend it; one line each. */
export interface Finding {
  /** A warning: traffic passes, though not as well as it could, or only for now. */
  readonly severity: "problem" | "warning";
  readonly text: string;
  readonly remedy: string;
}

/** One thing that `weir doctor` looks at: one file in checks/ and one line in its index. */
export interface Check {
  readonly name: string;
  /** Whose it is: a real server's, a director's, or either's. */
  readonly of: "node" | "director" | "both";
  /** What it makes sure of. */
  readonly summary: string;
  look(facts: Facts): readonly Finding[];
}

export const check = (declared: Check): Check => declared;

export const problem = (text: string, remedy: string): Finding => ({
  severity: "problem",
  text,
  remedy,
});

export const warning = (text: string, remedy: string): Finding => ({
  severity: "warning",
  text,
  remedy,
});
