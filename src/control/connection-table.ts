import { isShort } from "#plan/table-count.ts";
import type { DirectorView } from "./api.ts";
import type { EventHub } from "./events.ts";

type ConnectionTable = DirectorView["connections"];

/** That the table has another size than the configuration says, and what to do; else undefined. */
export function sizeRemark({ size, wanted }: ConnectionTable): string | undefined {
  if (size === wanted) return undefined;
  return (
    `The connection table keeps the ${size} entries it was made with, not director.connections ` +
    `${wanted}: stop weir, \`weir director flush\`, start it. Its connections are lost by that`
  );
}

/** That the table is nearly full, and what comes of it; else undefined. */
export function shortageRemark(table: ConnectionTable): string | undefined {
  if (!isShort(table)) return undefined;
  const { count, size } = table;
  return (
    `The connection table is ${Math.floor((100 * count) / size)}% full (${count} of ${size}): ` +
    "a full one throws out those silent for longest. Raise director.connections"
  );
}

/** What somebody should know of the table. */
export const tableRemarks = (table: ConnectionTable): string[] =>
  [sizeRemark(table), shortageRemark(table)].filter((text) => text !== undefined);

/** Share of the table below which a shortage is over: else it would come and go at 90%. */
const OVER = 0.8;

/** Tells of a shortage once when it begins, and once when it is over. */
export class ShortageTeller {
  readonly #events: EventHub;
  #told = false;

  constructor(events: EventHub) {
    this.#events = events;
  }

  /** The table was counted. */
  follow(table: ConnectionTable): void {
    const { count, size } = table;
    const text = shortageRemark(table);
    if (text !== undefined && !this.#told) {
      this.#told = true;
      this.#events.tell("director", "warning", text);
    } else if (this.#told && count < OVER * size) {
      this.#told = false;
      const now = `it has ${count} of ${size} connections now`;
      this.#events.tell("director", "info", `The connection table has room again: ${now}`);
    }
  }
}
