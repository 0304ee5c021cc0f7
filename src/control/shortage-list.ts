import {
  BACKEND_TOTALS,
  type Board,
  FRONTEND,
  FRONTEND_TOTALS,
  GLOBAL,
  PROCESS_TOTALS,
  type WorkerTotals,
} from "#plan/board.ts";
import type { Plan } from "#plan/plan.ts";
import type { ControlEvent } from "./api.ts";

/** Something that there may be too little of, as it is at one look. */
export interface Shortage {
  readonly kind: ControlEvent["kind"];
  readonly subject: string;
  /** What is short, which names it: numbers in the text may change. */
  readonly what: string;
  /** What an operator is told. */
  readonly text: string;
  /** How often it was short so far. */
  readonly count: number;
  /** It is short at this moment, counted or not. */
  readonly now: boolean;
}

const WORKERS = [
  { column: "NO_DESCRIPTORS", text: "No descriptor is free: new connections wait" },
  { column: "NO_SLOTS", text: "No socket is free: new connections or requests are refused" },
  { column: "NO_PAGES", text: "No memory is free (engine.memory): requests wait or are refused" },
] as const;

/** All that can be short under a Plan. */
export function shortageList(board: Board, plan: Plan): Shortage[] {
  return [
    ...WORKERS.map(({ column, text }) => ofProcess(board, "worker", column, text, false)),
    engineFull(board, plan),
    ...frontendsFull(board, plan),
    ...queuesFull(board, plan),
  ];
}

function ofProcess(
  board: Board,
  kind: ControlEvent["kind"],
  column: "NO_DESCRIPTORS" | "NO_SLOTS" | "NO_PAGES" | "FULL",
  text: string,
  now: boolean,
): Shortage {
  const count = sum(board, "process", PROCESS_TOTALS[column]);
  return { kind, subject: "", what: column, text, count, now };
}

function engineFull(board: Board, { engine }: Plan): Shortage {
  const limit = engine.maxConnections;
  const text = `The engine is full (${connections(limit)}): new ones wait`;
  const now = Atomics.load(board.global, GLOBAL.CONNECTIONS) >= limit;
  return ofProcess(board, "engine", "FULL", text, now);
}

/** A frontend that has no limit of its own is full when the engine is, which is enough to say. */
function frontendsFull(board: Board, plan: Plan): Shortage[] {
  return plan.frontends.flatMap(({ name, slot }): Shortage[] => {
    const row = slot * FRONTEND.size;
    const limit = board.frontends[row + FRONTEND.MAX_CONNECTIONS]!;
    if (limit === 0 || limit >= plan.engine.maxConnections) return [];
    return [
      {
        kind: "frontend",
        subject: name,
        what: "FULL",
        text: `Frontend ${name} is full (${connections(limit)}): new ones wait`,
        count: sum(board, "frontends", slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.FULL),
        now: Atomics.load(board.frontends, row + FRONTEND.CONNECTIONS) >= limit,
      },
    ];
  });
}

function queuesFull(board: Board, plan: Plan): Shortage[] {
  return plan.backends.map(({ name, slot, queueLimit }) => ({
    kind: "backend",
    subject: name,
    what: "QUEUE_FULL",
    text: `The queue of backend ${name} is full (${queueLimit} a thread): requests are refused`,
    count: sum(board, "backends", slot * BACKEND_TOTALS.size + BACKEND_TOTALS.QUEUE_FULL),
    now: false,
  }));
}

const connections = (count: number): string => `${count} connection${count === 1 ? "" : "s"}`;

const sum = (
  board: Board,
  table: keyof WorkerTotals & ("process" | "frontends" | "backends"),
  at: number,
): number => board.totals.reduce((all, worker) => all + worker[table][at]!, 0);
