// @hot
import { classFor, PAGE_SIZES } from "#io/pages.ts";
import type { Core } from "./core.ts";
import { CF, CLIENT, CS } from "./tables.ts";

/** What every step may do with a client's connection. What a client does is in client.ts. */

/** After an answer that ends a connection: how long what still comes is read. */
const LINGER_MS = 2000;

/** For a request that may be on its way while we want to part. */
const PARTING_MS = 250;

/** Asks for the next bytes unless that was done. */
export function receiveMore(core: Core, socket: number): void {
  const flags = socket * CLIENT.size + CLIENT.FLAGS;
  if ((core.clients[flags]! & (CF.RECEIVING | CF.EOF)) !== 0) return;
  core.clients[flags]! |= CF.RECEIVING;
  core.transport.receive(socket);
}

/**
 * Keeps bytes [from, end) that came before their time, for the next request, in the client's own
 * page: a thousand clients that send ahead must not hold the buffers everybody receives in. Without
 * memory for them the connection ends after the request under way.
 */
export function keepAhead(core: Core, socket: number, from: number, end: number): void {
  const at = socket * CLIENT.size;
  const page = core.clients[at + CLIENT.PAGE]!;
  const here = page >= 0 && from >= page;
  if (!here || from >= page + PAGE_SIZES[core.clients[at + CLIENT.PAGE_CLASS]!]!) {
    const size = classFor(end - from);
    const taken = size < 0 ? -1 : core.takePage(size);
    if (taken < 0) {
      core.clients[at + CLIENT.FLAGS]! |= CF.LAST;
      return;
    }
    releaseNext(core, socket);
    core.memory.copyWithin(taken, from, end);
    core.clients[at + CLIENT.PAGE] = taken;
    core.clients[at + CLIENT.PAGE_CLASS] = size;
    core.clients[at + CLIENT.NEXT_AT] = taken;
  } else core.clients[at + CLIENT.NEXT_AT] = from;
  core.clients[at + CLIENT.NEXT_BYTES] = end - from;
}

/** Gives back what held the bytes of a request, when nothing of them is needed any more. */
export function releaseNext(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  const page = core.clients[at + CLIENT.PAGE]!;
  if (page >= 0) core.transport.pages.give(page, core.clients[at + CLIENT.PAGE_CLASS]!);
  core.clients[at + CLIENT.PAGE] = -1;
  core.clients[at + CLIENT.NEXT_BYTES] = 0;
}

/**
 * Ends a connection after a last answer so that the client can read it: our side is closed, and
 * what the client still sends is read for a while (RFC 9112 §9.6); an abrupt close could destroy
 * the answer.
 */
export function lingerClient(core: Core, socket: number): void {
  const at = socket * CLIENT.size;
  if ((core.clients[at + CLIENT.FLAGS]! & CF.INTO) === 0) releaseNext(core, socket);
  if ((core.clients[at + CLIENT.FLAGS]! & CF.EOF) !== 0) {
    closeClient(core, socket, false);
    return;
  }
  core.clients[at + CLIENT.STATE] = CS.LINGER;
  core.clients[at + CLIENT.LINGERED] = 0;
  core.transport.finish(socket);
  core.timers.set(socket, core.nowMs, LINGER_MS);
  receiveMore(core, socket);
}

/**
 * Ends a connection that waits for nothing, but not at once: a request that meets the close would
 * be lost. One that still comes is answered, and told that it was the last.
 */
export function partClient(core: Core, socket: number): void {
  core.timers.set(socket, core.nowMs, PARTING_MS);
  receiveMore(core, socket);
}

/** Closes the connection at once. An exchange it belongs to must have been ended. */
export function closeClient(core: Core, socket: number, reset: boolean): void {
  const at = socket * CLIENT.size;
  if (core.clients[at + CLIENT.STATE] === CS.CLOSING) return;
  core.clients[at + CLIENT.STATE] = CS.CLOSING;
  core.timers.clear(socket);
  core.transport.close(socket, reset);
}
