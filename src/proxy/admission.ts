// @hot
import {
  FRONTEND,
  FRONTEND_GAUGES,
  FRONTEND_TOTALS,
  GLOBAL,
  PROCESS_GAUGES,
  PROCESS_TOTALS,
} from "#plan/board.ts";
import { closeClient, receiveMore } from "./client-socket.ts";
import type { Core } from "./core.ts";
import { CF, CLIENT, CS } from "./tables.ts";

/**
 * The limits of connections. At a limit listeners are shut (listening.ts), and clients wait in the
 * kernel's queue. The few that were accepted before that took effect are held here: nothing is read
 * from them until there is room.
 */

/** Another connection may come in at the frontend now, as far as limits go that workers share. */
export function hasRoom(core: Core, slot: number): boolean {
  const row = slot * FRONTEND.size;
  const limit = core.board.frontends[row + FRONTEND.MAX_CONNECTIONS]!;
  if (limit > 0 && Atomics.load(core.board.frontends, row + FRONTEND.CONNECTIONS) >= limit) {
    return false;
  }
  return Atomics.load(core.board.global, GLOBAL.CONNECTIONS) < core.maxConnections;
}

/** Lets a connection that was just accepted in, now or when there is room. */
export function admitOrHold(core: Core, socket: number): void {
  if (core.heldCount === 0 && admit(core, socket)) return;
  core.clients[socket * CLIENT.size + CLIENT.STATE] = CS.HELD;
  core.held[core.heldCount++] = socket;
  core.recount = true;
}

/** Lets those in that there is room for. */
export function admitHeld(core: Core): void {
  const held = core.held;
  const count = core.heldCount;
  core.heldCount = 0;
  for (let i = 0; i < count; i++) {
    const socket = held[i]!;
    if (!admit(core, socket)) held[core.heldCount++] = socket;
  }
}

/** Turns those away whose frontend is gone: it will not have room again. */
export function refuseRetired(core: Core): void {
  const held = core.held;
  const count = core.heldCount;
  core.heldCount = 0;
  for (let i = 0; i < count; i++) {
    const socket = held[i]!;
    const slot = core.clients[socket * CLIENT.size + CLIENT.FRONTEND]!;
    const frontend = core.runtime.frontends[slot];
    if (frontend !== undefined && !frontend.retired) held[core.heldCount++] = socket;
    else refuse(core, socket);
  }
}

export function refuse(core: Core, socket: number): void {
  const slot = core.clients[socket * CLIENT.size + CLIENT.FRONTEND]!;
  core.totals.frontends[slot * FRONTEND_TOTALS.size + FRONTEND_TOTALS.REFUSED]!++;
  closeClient(core, socket, false);
}

/** Counts the connection and begins to read, unless a limit is reached. */
function admit(core: Core, socket: number): boolean {
  const at = socket * CLIENT.size;
  const slot = core.clients[at + CLIENT.FRONTEND]!;
  if (!hasRoom(core, slot)) return false;
  const limit = core.board.frontends[slot * FRONTEND.size + FRONTEND.MAX_CONNECTIONS]!;
  const here = countHere(core, slot, 1);
  const all = countAll(core, 1);
  if ((limit > 0 && here > limit) || all > core.maxConnections) {
    // Another thread was faster.
    countHere(core, slot, -1);
    countAll(core, -1);
    return false;
  }
  const totals = slot * FRONTEND_TOTALS.size;
  if (here === limit) core.totals.frontends[totals + FRONTEND_TOTALS.FULL]!++;
  if (all === core.maxConnections) core.totals.process[PROCESS_TOTALS.FULL]!++;
  if (here === limit || all === core.maxConnections) core.recount = true;
  core.totals.frontends[totals + FRONTEND_TOTALS.CONNECTIONS]!++;
  core.clients[at + CLIENT.FLAGS]! |= CF.COUNTED;
  core.clients[at + CLIENT.STATE] = CS.IDLE;
  core.timers.set(socket, core.nowMs, core.runtime.frontends[slot]!.plan.timeouts.requestMs);
  receiveMore(core, socket);
  return true;
}

/** A connection is gone; what it had counted is taken back. */
export function discharge(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  core.connections--;
  if (core.shut) core.recount = true;
  if ((core.clients[at + CLIENT.FLAGS]! & CF.COUNTED) === 0) return;
  countHere(core, core.clients[at + CLIENT.FRONTEND]!, -1);
  countAll(core, -1);
}

/** Adds to the frontend's gauge, which is returned. Our own part goes first, see gauges.ts. */
function countHere(core: Core, slot: number, by: number): number {
  core.totals.frontendGauges[slot * FRONTEND_GAUGES.size + FRONTEND_GAUGES.CONNECTIONS]! += by;
  const gauge = slot * FRONTEND.size + FRONTEND.CONNECTIONS;
  return Atomics.add(core.board.frontends, gauge, by) + by;
}

/** As countHere, for the gauge over all frontends. */
function countAll(core: Core, by: number): number {
  core.totals.processGauges[PROCESS_GAUGES.CONNECTIONS]! += by;
  return Atomics.add(core.board.global, GLOBAL.CONNECTIONS, by) + by;
}
