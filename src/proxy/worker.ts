import { flushCompileCache } from "node:module";
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { assert } from "#base/assert.ts";
import { effectiveOf, limitCapabilities, ROOT_SERVES_WITH } from "#io/capabilities.ts";
import { mapShared } from "#io/memory.ts";
import { Board, boardBytes } from "#plan/board.ts";
import { Loop } from "./loop.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./protocol.ts";

/**
 * Entry of a proxy worker's thread. It never goes back to Node's event loop: it waits in the
 * driver, and control wakes it through the driver's descriptor when there is a message.
 */
assert(parentPort, "a worker is started by the engine");
const port = parentPort;
// A thread begins with the rights of its maker. Sockets to listen on come from the supervisor.
if (process.getuid!() !== 0) limitCapabilities([]);
const start = (workerData as WorkerStart | null) ?? (await beCalled());
// Not before: all threads become another account together, for which each needs root's rights.
if (process.getuid!() === 0) limitCapabilities(effectiveOf(ROOT_SERVES_WITH));
const tell = (message: FromWorker): void => port.postMessage(message);
const board = new Board(
  mapShared(start.boardFd, boardBytes(start.boardSizes)).buffer,
  start.boardSizes,
);
const loop = new Loop(start, board, tell);

/** A spare worker has its code loaded and waits until it is needed. */
function beCalled(): Promise<WorkerStart> {
  // Workers that loop have no time to write what they compiled, and may be killed before they end.
  flushCompileCache();
  return new Promise((resolve) => {
    port.once("message", (message: Extract<ToWorker, { type: "start" }>) => resolve(message.start));
  });
}

function readMessages(): void {
  for (let m = receiveMessageOnPort(port); m !== undefined; m = receiveMessageOnPort(port)) {
    loop.handle(m.message as ToWorker);
  }
}

const { driver } = loop;
tell({
  type: "ready",
  wakeFd: driver.wakeFd,
  driver: driver.name,
  reason: loop.reason,
  fds: driver.descriptors,
});
// What was posted before the wake descriptor was known waits already.
readMessages();
while (!loop.ended) loop.turn(readMessages);
process.exit(0);
