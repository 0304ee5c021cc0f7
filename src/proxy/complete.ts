// @hot
import { closeClient, lingerClient, partClient, receiveMore } from "./client-socket.ts";
import type { Core } from "./core.ts";
import { endExchange } from "./exchange.ts";
import { readRequest } from "./request-head.ts";
import { CF, CLIENT, CS, RELAY, RS, X, XF } from "./tables.ts";
import { dropUpstream, isUploaded } from "./upstream-socket.ts";

/** The answer was sent to its last byte: the client goes on, or its connection ends. */
export function completeExchange(core: Core, x: number): void {
  const at = x * X.size;
  const socket = core.exchanges[at + X.CLIENT]!;
  const client = socket * CLIENT.size;
  const flags = core.exchanges[at + X.FLAGS]!;
  const read = isUploaded(core, x);
  const last = (core.clients[client + CLIENT.FLAGS]! & CF.LAST) !== 0;
  dropUpstream(core, x);
  if (read && !last && (flags & (XF.KEEP_ALIVE | XF.CLOSE)) === XF.KEEP_ALIVE) {
    endExchange(core, x);
    nextRequest(core, socket);
    return;
  }
  const up = core.exchanges[at + X.UP + RELAY.STATE]!;
  const dropping = up === RS.READ || up === RS.DROP;
  if (dropping) core.clients[client + CLIENT.FLAGS]! |= CF.INTO | CF.RECEIVING;
  // A receive under way may go into the exchange's memory.
  const reading = (core.clients[client + CLIENT.FLAGS]! & CF.INTO) !== 0;
  if (reading) core.exchanges[at + X.HOLD]!++;
  const clean = read && core.clients[client + CLIENT.NEXT_BYTES] === 0 && (flags & XF.CLOSE) === 0;
  endExchange(core, x);
  if (!reading) core.clients[client + CLIENT.EXCHANGE] = -1;
  if (clean) closeClient(core, socket, false);
  else lingerClient(core, socket);
}

/** The exchange is over and its answer sent: on to the next request, or to the end. */
function nextRequest(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  core.clients[at + CLIENT.EXCHANGE] = -1;
  core.clients[at + CLIENT.STATE] = CS.IDLE;
  const bytes = core.clients[at + CLIENT.NEXT_BYTES]!;
  const frontend = core.runtime.frontends[core.clients[at + CLIENT.FRONTEND]!]!;
  if (bytes > 0) {
    const from = core.clients[at + CLIENT.NEXT_AT]!;
    core.clients[at + CLIENT.NEXT_BYTES] = 0;
    readRequest(core, socket, from, from + bytes, -1, 0);
    return;
  }
  if ((core.clients[at + CLIENT.FLAGS]! & CF.EOF) !== 0) {
    closeClient(core, socket, false);
    return;
  }
  if (core.draining || frontend.retired) {
    partClient(core, socket);
    return;
  }
  core.timers.set(socket, core.nowMs, frontend.plan.timeouts.keepAliveMs);
  receiveMore(core, socket);
}
