import { WeirError } from "#base/errors.ts";
import { WEIGHT_MAX } from "#plan/board.ts";
import type { WeightWord } from "./check.ts";
import type { Admin, Facts } from "./evaluate.ts";
import type { ServerState } from "./server-state.ts";
import type { States } from "./states.ts";

/**
 * What an operator may say about a server. `null` takes an earlier word back: as configured again.
 */
export interface ServerOrder {
  readonly admin?: Admin | null;
  /** A weight, or percent of the configured one. */
  readonly weight?: number | { readonly percent: number } | null;
  /** Requests in flight; 0 = no limit. */
  readonly maxConnections?: number | null;
  /** Holds until the next check; null ends it at once. */
  readonly health?: "up" | "down" | null;
  /** Ends every session on it. */
  readonly kill?: boolean;
  /** Do it although no usable server would be left. */
  readonly force?: boolean;
}

function weightWord(weight: ServerOrder["weight"]): WeightWord | undefined {
  if (weight === null || weight === undefined) return undefined;
  const word = typeof weight === "number" ? { absolute: weight } : weight;
  const [value, most] = "absolute" in word ? [word.absolute, WEIGHT_MAX] : [word.percent, 10_000];
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new WeirError("USAGE", `a weight is 0 to ${WEIGHT_MAX}, or a percentage of 0 or more`);
  }
  return word;
}

function limitWanted(limit: number | null | undefined): number | undefined {
  if (limit === null || limit === undefined) return undefined;
  if (Number.isInteger(limit) && limit >= 0 && limit < 0x7fff_ffff) return limit;
  throw new WeirError("USAGE", "a connection limit is a whole number, 0 for none");
}

/** The facts an order changes, and what it says in words. */
function readOrder(
  server: ServerState,
  order: ServerOrder,
): { change: Partial<Facts>; said: string } {
  const change: { -readonly [K in keyof Facts]?: Facts[K] } = {};
  const said: string[] = [];
  if (order.admin !== undefined) {
    const same = order.admin === null || order.admin === server.plan.admin;
    change.adminWanted = same ? undefined : (order.admin ?? undefined);
    said.push(order.admin ?? "state as configured");
  }
  if (order.weight !== undefined) {
    const word = weightWord(order.weight);
    change.weightWanted = word;
    const value = word && ("absolute" in word ? `${word.absolute}` : `${word.percent}%`);
    said.push(`weight ${value ?? "as configured"}`);
  }
  if (order.maxConnections !== undefined) {
    change.limitWanted = limitWanted(order.maxConnections);
    said.push(`connection limit ${order.maxConnections ?? "as configured"}`);
  }
  if (order.health !== undefined) {
    change.forced = order.health ?? undefined;
    said.push(order.health === null ? "health as checked" : `health ${order.health}`);
  }
  return { change, said: said.join(", ") };
}

/**
 * Does what an operator asks, all of it or nothing. Throws WeirError: USAGE for a server or a value
 * that does not exist, SAFETY_REFUSED when it would take out the last usable server of a backend.
 */
export function carryOut(
  states: States,
  backend: string,
  name: string,
  order: ServerOrder,
): ServerState {
  const server = states.find(backend, name);
  if (!server) throw new WeirError("USAGE", `there is no server ${backend}/${name}`);
  const { change, said } = readOrder(server, order);
  if (!order.force && server.backend.usable > 0 && states.suppose(server, change).usable === 0) {
    throw new WeirError(
      "SAFETY_REFUSED",
      `${server.key} is the last usable server of backend ${backend}`,
      { backend, server: name },
    );
  }
  if (said !== "") {
    states.update(server, change, { reason: "operator", detail: `an operator said: ${said}` });
  }
  if (order.kill) states.kill(server);
  return server;
}
