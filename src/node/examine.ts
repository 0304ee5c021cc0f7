import type { Check, Finding } from "./check.ts";
import { checks } from "./checks/index.ts";
import type { Facts } from "./facts.ts";

/** What one check found; nothing: all is well. */
export interface Examined {
  readonly check: string;
  readonly summary: string;
  readonly findings: readonly Finding[];
}

const isMeant = ({ of }: Check, { node, director }: Facts): boolean =>
  of === "node" ? node !== undefined : of === "director" ? director !== undefined : true;

/** Looks at everything that this machine's part asks for; nothing when it has none. */
export function examine(facts: Facts): Examined[] {
  if (!facts.node && !facts.director) return [];
  return checks
    .filter((one) => isMeant(one, facts))
    .map((one) => ({ check: one.name, summary: one.summary, findings: one.look(facts) }));
}
