// @hot
import { receiveMore } from "./client-socket.ts";
import type { Core } from "./core.ts";
import { CLIENT, X } from "./tables.ts";
import { isUploaded } from "./upstream-socket.ts";

/**
 * Looks out for what may still come from a client whose request is whole: that it leaves, or a
 * request sent ahead. One that was sent ahead already is enough.
 */
export function watchClient(core: Core, x: number): void {
  const socket = core.exchanges[x * X.size + X.CLIENT]!;
  if (!isUploaded(core, x) || core.clients[socket * CLIENT.size + CLIENT.NEXT_BYTES] !== 0) return;
  receiveMore(core, socket);
}
