/**
 * The director: what its program costs a packet, what becomes of traffic through it, how much
 * memory a connection takes, how long changes take: `npm run bench -- l4`.
 */
import type { Bench, Outcome } from "./kit/bench.ts";
import { chosen } from "./kit/chosen.ts";
import { owning } from "./kit/owning.ts";
import { bulk } from "./l4/bulk.ts";
import { capacity } from "./l4/capacity.ts";
import { memory } from "./l4/memory.ts";
import { fresh, program } from "./l4/program.ts";
import { scale } from "./l4/scale.ts";
import { traffic } from "./l4/traffic.ts";
import type { Work } from "./l4/work.ts";

/** In the order they are done in. */
const WORKS: readonly Work[] = [program, fresh, traffic, bulk, memory, capacity, scale];

export const bench: Bench = {
  name: "l4",
  summary: "The director: nanoseconds a packet, traffic against other balancers, memory, scale",
  async run(options): Promise<Outcome> {
    const outcomes: Record<string, Outcome> = {};
    for (const work of chosen(WORKS, options.only)) {
      const lacking = work.lacks();
      if (lacking !== false) options.say(`${work.name} is left out: ${lacking}`);
      else outcomes[work.name] = await owning((owner) => work.run(owner, options));
    }
    const all = Object.values(outcomes);
    return {
      tables: all.flatMap(({ tables }) => tables),
      checks: all.flatMap(({ checks }) => checks),
      data: Object.fromEntries(Object.entries(outcomes).map(([name, { data }]) => [name, data])),
    };
  },
};
