import { isDeepStrictEqual } from "node:util";
import { deserialize, serialize } from "node:v8";
import { VERSION } from "#base/version.ts";
import type { BoardSlots } from "#config/compile/plan.ts";
import type { Model } from "#config/model/document.ts";
import * as board from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import { Slots } from "#plan/slots.ts";
import { LOGS_MAX } from "./stable-logs.ts";

/** The configuration in force. */
export interface Running {
  readonly plan: Plan;
  /** As it was when the Board was sized: what needs a restart is compared with it. */
  readonly startModel: Model;
  readonly model: Model;
  readonly files: readonly string[];
}

/**
 * Tells apart Boards that one engine could read wrongly where another wrote: every layout and size.
 */
export function boardLayout(sizes: board.BoardSizes): string {
  const tables = Object.entries(board).flatMap(([name, value]) =>
    typeof value === "object" && "columns" in value ? [[name, value.columns, value.size]] : [],
  );
  return JSON.stringify([tables, board.HISTOGRAM, sizes]);
}

/** Rows of one worker's log ring. */
const LOG_BYTES = 2 * 1024 * 1024;

/**
 * Twice as many workers as one engine has: two share the Board while one takes over from the other.
 */
export const sizesFor = ({ engine }: Plan): board.BoardSizes => ({
  workers: engine.threads * 2,
  ...engine.limits,
  logBytes: LOG_BYTES,
});

/** What the supervisor keeps for the engine after this one. */
export const saveState = (running: Running, slots: PlanSlots): Uint8Array =>
  serialize({
    version: VERSION,
    running,
    limits: running.plan.engine.limits,
    slots: Object.fromEntries(TABLES.map((table) => [table, slots[table].entries()])),
  } satisfies Saved);

type Limits = Plan["engine"]["limits"];

interface Saved {
  readonly version: string;
  readonly running: Running;
  readonly limits: Limits;
  readonly slots: { readonly [table: string]: readonly (readonly [string, number])[] };
}

export interface Inherited {
  /** undefined when other code saved it: what it means may have changed. */
  readonly running: Running | undefined;
  /** Whose rows on the Board are whose; nobody's when the Board is to have other sizes. */
  slots(limits: Limits): PlanSlots;
}

/** What the engine before this one saved. */
export function loadState(bytes: Uint8Array): Inherited {
  const { version, running, limits: before, slots } = deserialize(bytes) as Saved;
  return {
    running: version === VERSION ? running : undefined,
    slots(limits) {
      const tables = emptySlots(limits);
      if (!isDeepStrictEqual(limits, before)) return tables;
      for (const table of TABLES) tables[table].adopt(slots[table] ?? []);
      return tables;
    },
  };
}

/** Every table of slots that a Plan uses. */
export interface PlanSlots extends BoardSlots {
  readonly logs: Slots;
}

const TABLES = ["frontends", "backends", "servers", "services", "logs"] as const;

const emptySlots = (limits: Limits): PlanSlots => ({
  frontends: new Slots(limits.frontends),
  backends: new Slots(limits.backends),
  servers: new Slots(limits.servers),
  services: new Slots(limits.services),
  logs: new Slots(LOGS_MAX),
});

/** The tables in the state in which this Plan is all that holds slots. */
export function slotsOf(plan: Plan): PlanSlots {
  const slots = emptySlots(plan.engine.limits);
  slots.frontends.adopt(plan.frontends.map((f) => [f.name, f.slot]));
  slots.backends.adopt(plan.backends.map((b) => [b.name, b.slot]));
  slots.servers.adopt(
    plan.backends.flatMap((b) => b.servers.map((s) => [`${b.name}/${s.name}`, s.slot] as const)),
  );
  slots.services.adopt(plan.services.map((s) => [s.name, s.slot]));
  return slots;
}

/** Tables to try another Plan on. */
export const copySlots = (slots: PlanSlots): PlanSlots => ({
  frontends: slots.frontends.copy(),
  backends: slots.backends.copy(),
  servers: slots.servers.copy(),
  services: slots.services.copy(),
  logs: slots.logs.copy(),
});
