// @hot
import { Blind } from "./blind.ts";
import { createTurns, type Turns } from "./rotation-turns.ts";
import { FULL, NONE, type Pool, type Scheduler } from "./scheduler.ts";

/**
 * Smooth weighted round robin over classes of equal weight.
 *
 * Every pick, each class earns credit equal to the weights of its servers; the class with most
 * credit serves and pays what all earned together. Inside a class servers simply take turns. With
 * distinct weights this is the well-known smooth algorithm (4, 3, 2 gives ABCABACBA); with equal
 * ones it is plain rotation; and it costs O(distinct weights), not O(servers), which keeps 1000
 * servers cheap.
 *
 * A server that is full loses its turn and a class without a free server earns nothing meanwhile,
 * so nobody catches up in a burst afterwards. On a change the turn order and the part of a turn
 * each server was owed are kept (see rotation-turns.ts).
 */
export class Rotation extends Blind implements Scheduler {
  readonly #pool: Pool;
  readonly #turns: Turns;

  constructor(pool: Pool, seed: number) {
    super();
    this.#pool = pool;
    this.#turns = createTurns(pool, seed);
  }

  changed(): void {
    this.#turns.rebuild();
  }

  pick(): number {
    const pool = this.#pool;
    const turns = this.#turns;
    const classes = turns.classes;
    if (classes === 0) return NONE;
    const credit = turns.credit;
    let earned = 0;
    let best = -1;
    let bestAt = -1;
    for (let c = 0; c < classes; c++) {
      const at = freeMember(pool, turns, c);
      if (at < 0) continue;
      const weight = turns.weight[c]!;
      earned += weight;
      credit[c]! += weight;
      if (best < 0 || credit[c]! > credit[best]!) {
        best = c;
        bestAt = at;
      }
    }
    if (best < 0) return FULL;
    credit[best]! -= earned;
    const after = bestAt + 1;
    turns.cursor[best] = after === turns.end[best] ? turns.start[best]! : after;
    const position = turns.members[bestAt]!;
    turns.served[position] = ++turns.clock;
    return position;
  }
}

/** Index among the members of class `c` of the first free one whose turn it is, or -1. */
function freeMember(pool: Pool, turns: Turns, c: number): number {
  const start = turns.start[c]!;
  const end = turns.end[c]!;
  const first = turns.cursor[c]!;
  let at = first;
  do {
    if (!pool.full(turns.members[at]!)) return at;
    if (++at === end) at = start;
  } while (at !== first);
  return -1;
}
