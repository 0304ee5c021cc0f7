import { ADMIN_NAMES, type Board, HEALTH_NAMES, SERVER } from "#plan/board.ts";
import { rowIdentity } from "#plan/row-identity.ts";
import type { WeightWord } from "./check.ts";
import { type Admin, type Facts, NO_WORDS, type Outcome } from "./evaluate.ts";

/**
 * A server's row on the Board, as health writes it and as the next engine finds it. Only states.ts
 * writes through here.
 */

/** What a row keeps from one engine to the next. */
export type Kept = Pick<Facts, "adminWanted" | "weightWanted" | "limitWanted" | "active" | "agent">;

const adminCode = (word: Admin | undefined): number =>
  word === undefined ? 0 : ADMIN_NAMES.indexOf(word) + 1;

const weightCode = (word: WeightWord | undefined): number =>
  word === undefined ? 0 : "absolute" in word ? word.absolute + 1 : -(word.percent + 1);

const weightWord = (code: number): WeightWord | undefined =>
  code === 0 ? undefined : code > 0 ? { absolute: code - 1 } : { percent: -code - 1 };

/**
 * Columns that belong to the server whose states they are; the rest are the address and the gauges.
 */
const OWN = [
  "ADMIN",
  "HEALTH",
  "WEIGHT",
  "EFFECTIVE",
  "STICKY",
  "MAX_CONNECTIONS",
  "FAILURES",
  "CHANGED_AT",
  "CHECK_RESULT",
  "CHECK_MS",
  "CHECK_STREAK",
  "CHECKS",
  "CHECK_FAILS",
  "DOWNS",
  "DOWN_MS",
] as const;

/**
 * What the row says of the server called `key`, or undefined, and then the row is made empty, when
 * it is of another server or of none. `configured` is its administrative state without anybody's
 * word, `checked` whether active checks look after it.
 */
export function adoptRow(
  board: Board,
  slot: number,
  key: string,
  { configured, checked }: { configured: Admin; checked: boolean },
): Kept | undefined {
  const cells = board.servers;
  const row = slot * SERVER.size;
  if (cells[row + SERVER.IDENTITY] !== rowIdentity(key)) {
    for (const column of OWN) Atomics.store(cells, row + SERVER[column], 0);
    return undefined;
  }
  const adminWanted = ADMIN_NAMES[cells[row + SERVER.ADMIN_WANTED]! - 1];
  const admin = ADMIN_NAMES[cells[row + SERVER.ADMIN]!]!;
  const health = HEALTH_NAMES[cells[row + SERVER.HEALTH]!]!;
  const limit = cells[row + SERVER.LIMIT_WANTED]!;
  return {
    adminWanted,
    weightWanted: weightWord(cells[row + SERVER.WEIGHT_WANTED]!),
    limitWanted: limit === 0 ? undefined : limit - 1,
    active: health,
    // What is stricter than the operator's word was the agent's. So was "down" where nobody else
    // says.
    agent: {
      ...NO_WORDS,
      admin: admin === (adminWanted ?? configured) ? "ready" : admin,
      down: !checked && health === "down",
    },
  };
}

/** Writes facts and outcome; true when something changed that schedulers must hear of. */
export function writeRow(
  board: Board,
  slot: number,
  key: string,
  facts: Facts,
  outcome: Outcome,
): boolean {
  const cells = board.servers;
  const row = slot * SERVER.size;
  let changed = false;
  const put = (column: number, value: number): void => {
    if (Atomics.exchange(cells, row + column, value) !== value) changed = true;
  };
  put(SERVER.ADMIN, outcome.admin);
  put(SERVER.HEALTH, outcome.health);
  put(SERVER.WEIGHT, outcome.weight);
  put(SERVER.MAX_CONNECTIONS, outcome.maxConnections);
  put(SERVER.STICKY, outcome.sticky);
  put(SERVER.EFFECTIVE, outcome.effective);
  Atomics.store(cells, row + SERVER.ADMIN_WANTED, adminCode(facts.adminWanted));
  Atomics.store(cells, row + SERVER.WEIGHT_WANTED, weightCode(facts.weightWanted));
  Atomics.store(cells, row + SERVER.LIMIT_WANTED, (facts.limitWanted ?? -1) + 1);
  Atomics.store(cells, row + SERVER.IDENTITY, rowIdentity(key));
  return changed;
}

/** Adds to a counter that stops at the largest value a cell holds. */
export function addCell(board: Board, slot: number, column: number, by: number): void {
  const at = slot * SERVER.size + column;
  Atomics.store(board.servers, at, Math.min(0x7fff_ffff, board.servers[at]! + Math.round(by)));
}
