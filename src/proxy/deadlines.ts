// @hot
import { FRAMING } from "#http/head.ts";
import type { Core } from "./core.ts";
import { N, RELAY, RS, UP, X, XS } from "./tables.ts";

/**
 * Our patience with the two sides of an exchange. Waiting for a side uses it up, what the side does
 * gives it back: all of it, or, where a length was promised or the client is at work, by the byte.
 * So one that sends or reads drop by drop is cut off about as soon as one that does nothing, while
 * a stream of rare events lives on.
 *
 *     left ─┐  waiting   ┌─ + bytes × MS_PER_BYTE, at most the timeout
 *           └────────────┘
 */

/** 500 bytes a second are enough for ever. */
const MS_PER_BYTE = 2;
/** How often we look, at most, how far a splice got. */
const LOOK_MS = 1000;
/** Bytes that give all patience back. */
export const ALL = 2 ** 50;

/**
 * Waits for whoever's turn it is, and for nobody else. Called when a step of the exchange was made.
 */
export function setDeadlines(core: Core, x: number): void {
  const at = x * X.size;
  const cells = core.exchanges;
  const state = cells[at + X.STATE]!;
  if (state === XS.TUNNEL) {
    setTunnelDeadline(core, x);
    return;
  }
  const up = cells[at + X.UP + RELAY.STATE]!;
  const down = cells[at + X.DOWN + RELAY.STATE]!;
  const client = cells[at + X.CLIENT]!;
  const spliced = down === RS.SPLICE;
  const reading = cells[at + X.SENDING] === 1 || spliced;
  wait(core, client, x * N.size + N.CLIENT_LEFT, up === RS.READ || reading, spliced);
  const upstream = cells[at + X.UPSTREAM]!;
  if (upstream < 0) return;
  const taking = up === RS.WRITE || core.upstreams[upstream * UP.size + UP.SENDING] === 1;
  const thinking = state === XS.WAITING && up !== RS.READ && !reading;
  const telling = down === RS.READ || spliced;
  wait(core, upstream, x * N.size + N.SERVER_LEFT, taking || thinking || telling, spliced);
}

/** Both sides of a tunnel may be silent for as long as either is. */
function setTunnelDeadline(core: Core, x: number): void {
  const at = x * X.size;
  const backend = core.runtime.backends[core.exchanges[at + X.BACKEND]!]!;
  const client = core.exchanges[at + X.CLIENT]!;
  core.timers.set(client, core.nowMs, backend.plan.timeouts.tunnelMs);
  const upstream = core.exchanges[at + X.UPSTREAM]!;
  if (upstream >= 0) core.timers.clear(upstream);
}

/**
 * `left` is the cell of the side's patience; the one behind it says since when we wait. A splice
 * tells nothing before its end, so it is looked after.
 */
function wait(core: Core, socket: number, left: number, waits: boolean, spliced: boolean): void {
  const since = core.numbers[left + 1]!;
  if (waits) {
    if (since >= 0) return;
    core.numbers[left + 1] = core.nowMs;
    const ms = core.numbers[left]!;
    core.timers.set(socket, core.nowMs, spliced ? Math.min(ms, Math.max(ms / 4, LOOK_MS)) : ms);
  } else {
    if (since >= 0) core.numbers[left]! -= core.nowMs - since;
    core.numbers[left + 1] = -1;
    core.timers.clear(socket);
  }
}

function credit(core: Core, left: number, bytes: number, mostMs: number): void {
  const since = core.numbers[left + 1]!;
  let ms = core.numbers[left]!;
  if (since >= 0) ms -= core.nowMs - since;
  core.numbers[left] = Math.min(ms + bytes * MS_PER_BYTE, mostMs);
  core.numbers[left + 1] = -1;
}

/**
 * A deadline came. While the kernel moves bytes from the server to the client it only means that it
 * is time to see how far it got: true when the side still has patience left, and another deadline.
 */
export function isExcused(core: Core, x: number, client: boolean): boolean {
  const at = x * X.size;
  const relay = at + X.DOWN;
  if (core.exchanges[relay + RELAY.STATE] !== RS.SPLICE) return false;
  const moved = core.transport.splicedSoFar(core.exchanges[relay + RELAY.FROM]!);
  const left = x * N.size + (client ? N.CLIENT_LEFT : N.SERVER_LEFT);
  // Less than nothing is with us: it is the server who is waited for.
  if (client === moved < 0) credit(core, left, ALL, patience(core, x, client));
  else if (client) {
    clientMoved(core, x, moved - core.exchanges[at + X.SPLICED]!);
    core.exchanges[at + X.SPLICED] = moved;
  } else credit(core, left, 0, patience(core, x, false));
  if (core.numbers[left]! <= 0) return false;
  setDeadlines(core, x);
  return true;
}

/** Milliseconds of silence that a side is allowed. */
function patience(core: Core, x: number, client: boolean): number {
  const cells = core.exchanges;
  if (client) {
    return core.runtime.frontends[cells[x * X.size + X.FRONTEND]!]!.plan.timeouts.clientMs;
  }
  return core.runtime.backends[cells[x * X.size + X.BACKEND]!]!.plan.timeouts.serverMs;
}

/** The client sent or read so many bytes. */
export function clientMoved(core: Core, x: number, bytes: number): void {
  credit(core, x * N.size + N.CLIENT_LEFT, bytes, patience(core, x, true));
}

/** The server sent or read so many bytes. */
export function serverMoved(core: Core, x: number, bytes: number): void {
  const relay = x * X.size + X.DOWN;
  const promised = core.exchanges[relay + RELAY.DECODER] === FRAMING.LENGTH;
  const counted = promised ? bytes : ALL;
  credit(core, x * N.size + N.SERVER_LEFT, counted, patience(core, x, false));
}
