// @hot
import { CODE } from "#base/errors.ts";
import { FRAMING } from "#http/head.ts";
import { failExchange } from "./answer.ts";
import { sendRequest } from "./connect.ts";
import type { Core } from "./core.ts";
import { isExcused, serverMoved, setDeadlines } from "./deadlines.ts";
import { abortExchange, unhold } from "./exchange.ts";
import { closeIdle } from "./idle.ts";
import { beginUpload, relayReceived, relaySent, relaySpliced } from "./relay.ts";
import { responseReceived } from "./response.ts";
import { retry } from "./retry.ts";
import { N, RELAY, RS, UP, US, X, XF, XS } from "./tables.ts";
import { tunnelReceived, tunnelSent } from "./tunnel.ts";

/** What happens on a connection to a server. */

export function upstreamConnected(core: Core, upstream: number, result: number): void {
  const x = core.upstreams[upstream * UP.size + UP.EXCHANGE]!;
  if (result < 0) {
    retry(core, x, CODE.CONNECT_REFUSED);
    return;
  }
  core.numbers[x * N.size + N.CONNECTED] = core.nowMs;
  sendRequest(core, x, upstream);
}

/** The request's head, or a part of its body, was handed over. */
export function upstreamSent(core: Core, upstream: number, result: number): void {
  const row = upstream * UP.size;
  core.upstreams[row + UP.SENDING] = 0;
  const x = core.upstreams[row + UP.EXCHANGE]!;
  if (x < 0) return;
  const relay = x * X.size + X.UP;
  const state = core.exchanges[relay + RELAY.STATE]!;
  if (result < 0) {
    if (core.exchanges[x * X.size + X.STATE] === XS.TUNNEL) abortExchange(core, x, CODE.NONE);
    // The server may have answered and closed before it read all: what it said is worth more.
    if (state === RS.WRITE) {
      core.exchanges[relay + RELAY.STATE] = RS.OFF;
      core.exchanges[x * X.size + X.FLAGS]! |= XF.CLOSE;
    }
    setDeadlines(core, x);
    return;
  }
  serverMoved(core, x, result);
  if (core.exchanges[x * X.size + X.STATE] === XS.TUNNEL) tunnelSent(core, x, relay);
  else if (state === RS.WRITE) relaySent(core, x, relay);
  else if (state === RS.OFF && core.exchanges[relay + RELAY.DECODER] !== FRAMING.NONE) {
    beginUpload(core, x, upstream);
  } else setDeadlines(core, x);
}

export function upstreamSpliced(core: Core, upstream: number, result: number): void {
  const x = core.upstreams[upstream * UP.size + UP.EXCHANGE]!;
  relaySpliced(core, x, x * X.size + X.DOWN, result);
}

export function upstreamReceived(
  core: Core,
  upstream: number,
  result: number,
  from: number,
  buffer: number,
): void {
  const row = upstream * UP.size;
  core.upstreams[row + UP.RECEIVING] = 0;
  if (core.upstreams[row + UP.STATE] !== US.BUSY) {
    // An idle connection says something or ends: either way it is of no more use.
    if (buffer >= 0) core.transport.release(buffer);
    if (core.upstreams[row + UP.STATE] === US.IDLE) closeIdle(core, upstream);
    return;
  }
  const x = core.upstreams[row + UP.EXCHANGE]!;
  const relay = x * X.size + X.DOWN;
  if (core.exchanges[x * X.size + X.STATE] === XS.TUNNEL) {
    tunnelReceived(core, x, relay, result, from, buffer);
  } else if (core.exchanges[relay + RELAY.STATE] === RS.READ) {
    if (result > 0) serverMoved(core, x, result);
    relayReceived(core, x, relay, result);
  } else responseReceived(core, x, upstream, result, from, buffer);
}

export function upstreamClosed(core: Core, upstream: number): void {
  const row = upstream * UP.size;
  core.upstreamCount--;
  const x = core.upstreams[row + UP.EXCHANGE]!;
  core.upstreams[row + UP.STATE] = US.FREE;
  if (x >= 0) unhold(core, x);
}

/** The server's deadline has come. */
export function upstreamDue(core: Core, upstream: number): void {
  const row = upstream * UP.size;
  const x = core.upstreams[row + UP.EXCHANGE]!;
  switch (core.upstreams[row + UP.STATE]) {
    case US.IDLE:
      closeIdle(core, upstream);
      return;
    case US.CONNECTING:
      retry(core, x, CODE.CONNECT_TIMEOUT);
      return;
    case US.BUSY:
      if (core.exchanges[x * X.size + X.STATE] === XS.WAITING) retry(core, x, CODE.SERVER_TIMEOUT);
      else if (!isExcused(core, x, false)) failExchange(core, x, CODE.SERVER_BODY_TIMEOUT);
      return;
    default:
  }
}
