// @hot
import { FRAMING } from "#http/head.ts";
import { SERVER } from "#plan/board.ts";
import type { Core } from "./core.ts";
import { keepIdle, shut } from "./idle.ts";
import { RELAY, RS, UP, US, X, XF } from "./tables.ts";

/** How an exchange parts with its connection to a server. What a server does is in upstream.ts. */

/** Closes the exchange's connection to its server, if it has one. */
export function dropUpstream(core: Core, x: number): void {
  const at = x * X.size;
  const upstream = core.exchanges[at + X.UPSTREAM]!;
  if (upstream < 0) return;
  stopUpload(core, x);
  core.exchanges[at + X.UPSTREAM] = -1;
  core.exchanges[at + X.HOLD]!++;
  core.upstreams[upstream * UP.size + UP.STATE] = US.CLOSING;
  core.timers.clear(upstream);
  core.transport.close(upstream, false);
}

/** The request's body has nowhere to go any more; a receive under way cannot be taken back. */
function stopUpload(core: Core, x: number): void {
  const cell = x * X.size + X.UP + RELAY.STATE;
  const state = core.exchanges[cell]!;
  if (state === RS.READ) core.exchanges[cell] = RS.DROP;
  else if (state === RS.WRITE || state === RS.SPLICE) core.exchanges[cell] = RS.OFF;
}

/** The exchange has all it needs of its connection: keep that for the next, or close it. */
export function releaseUpstream(core: Core, x: number): void {
  const at = x * X.size;
  const upstream = core.exchanges[at + X.UPSTREAM]!;
  if (upstream < 0) return;
  if (core.upstreams[upstream * UP.size + UP.SENDING] === 1 || !isUploaded(core, x)) {
    // The answer came before the request was whole: the rest of it goes nowhere.
    dropUpstream(core, x);
    return;
  }
  core.exchanges[at + X.UPSTREAM] = -1;
  core.upstreams[upstream * UP.size + UP.EXCHANGE] = -1;
  const reusable = (core.exchanges[at + X.FLAGS]! & XF.REUSABLE) !== 0;
  if (!reusable || core.draining) shut(core, upstream);
  else settle(core, upstream);
}

function settle(core: Core, upstream: number): void {
  const row = upstream * UP.size;
  const server = core.runtime.servers[core.upstreams[row + UP.SERVER]!]!;
  const backend = core.runtime.backends[core.upstreams[row + UP.BACKEND]!]!;
  const sequence = core.board.servers[server.slot * SERVER.size + SERVER.ADDRESS_SEQ]!;
  const moved = sequence !== core.upstreams[row + UP.ADDRESS];
  if (moved || server.retired || backend.plan.reuse === "never") shut(core, upstream);
  else keepIdle(core, upstream, backend, server);
}

/** Nothing of the request's body is left to be read. */
export function isUploaded(core: Core, x: number): boolean {
  const up = x * X.size + X.UP;
  const state = core.exchanges[up + RELAY.STATE]!;
  if (state === RS.DONE) return true;
  return state === RS.OFF && core.exchanges[up + RELAY.DECODER] === FRAMING.NONE;
}
