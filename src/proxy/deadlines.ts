// @hot
import { FRAMING } from "#http/head.ts";
import type { Core } from "./core.ts";
import { N, RELAY, RS, UP, X, XS } from "./tables.ts";

/**
 * Our patience with the two sides of an exchange. Waiting for a side uses it up, what the side does gives
 * it back: all of it, or, where a length was promised or the client is at work, by the byte. So one that
 * sends or reads drop by drop is cut off about as soon as one that does nothing, while a stream of rare
 * events lives on.
 *
 *     left ─┐  waiting   ┌─ + bytes × MS_PER_BYTE, at most the timeout
 *           └────────────┘
 */

/** 500 bytes a second are enough for ever. */
const MS_PER_BYTE = 2;

/** Waits for whoever's turn it is, and for nobody else. Called when a step of the exchange was made. */
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
  const reading = cells[at + X.SENDING] === 1 || down === RS.SPLICE;
  wait(core, client, x * N.size + N.CLIENT_LEFT, up === RS.READ || reading);
  const upstream = cells[at + X.UPSTREAM]!;
  if (upstream < 0) return;
  const taking = up === RS.WRITE || core.upstreams[upstream * UP.size + UP.SENDING] === 1;
  const thinking = state === XS.WAITING && up !== RS.READ && !reading;
  const telling = down === RS.READ || down === RS.SPLICE;
  wait(core, upstream, x * N.size + N.SERVER_LEFT, taking || thinking || telling);
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

/** `left` is the cell of the side's patience; the one behind it says since when we wait. */
function wait(core: Core, socket: number, left: number, waits: boolean): void {
  const since = core.numbers[left + 1]!;
  if (waits) {
    if (since >= 0) return;
    core.numbers[left + 1] = core.nowMs;
    core.timers.set(socket, core.nowMs, core.numbers[left]!);
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

/** The client sent or read so many bytes. */
export function clientMoved(core: Core, x: number, bytes: number): void {
  const frontend = core.runtime.frontends[core.exchanges[x * X.size + X.FRONTEND]!]!;
  credit(core, x * N.size + N.CLIENT_LEFT, bytes, frontend.plan.timeouts.clientMs);
}

/** The server sent or read so many bytes. */
export function serverMoved(core: Core, x: number, bytes: number): void {
  const at = x * X.size;
  const backend = core.runtime.backends[core.exchanges[at + X.BACKEND]!]!;
  const promised = core.exchanges[at + X.DOWN + RELAY.DECODER] === FRAMING.LENGTH;
  const counted = promised ? bytes : Number.MAX_SAFE_INTEGER / 4;
  credit(core, x * N.size + N.SERVER_LEFT, counted, backend.plan.timeouts.serverMs);
}
