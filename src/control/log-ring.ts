import { type Board, WORKER } from "#plan/board.ts";

const HEADER_BYTES = 4;

/** Takes one line; `bytes` is only lent. */
export type TakeLine = (log: number, bytes: Uint8Array) => void;

/**
 * Control's side of a worker's log ring (the worker's is proxy/access-log.ts): hands over every
 * line written so far and frees its room.
 *
 *     TAIL → | log index << 24 | bytes | line … | padding to 4 | … ← HEAD      positions mod 2³²
 *
 * Returns the share of the ring that was in use. A worker never waits for us: it drops lines.
 */
export function drainRing(board: Board, worker: number, take: TakeLine): number {
  const ring = board.totals[worker]!.log;
  const row = worker * WORKER.size;
  const head = Atomics.load(board.workers, row + WORKER.LOG_HEAD);
  let tail = board.workers[row + WORKER.LOG_TAIL]!;
  const used = (head - tail) >>> 0;
  if (used === 0) return 0;
  const mask = ring.length - 1;
  while (tail !== head) {
    const at = tail & mask;
    const bytes = ring[at]! | (ring[at + 1]! << 8) | (ring[at + 2]! << 16);
    const left = (head - tail) >>> 0;
    // Only a worker that died at a bad moment, or memory of another make, can leave such a record.
    if (bytes + HEADER_BYTES > left || left > ring.length) {
      tail = head;
      break;
    }
    take(ring[at + 3]!, lineAt(ring, (at + HEADER_BYTES) & mask, bytes));
    tail = (tail + HEADER_BYTES + ((bytes + 3) & ~3)) | 0;
  }
  Atomics.store(board.workers, row + WORKER.LOG_TAIL, tail);
  return Math.min(1, used / ring.length);
}

/** The line's bytes, put together where it goes round the ring's end. */
function lineAt(ring: Uint8Array, from: number, bytes: number): Uint8Array {
  const flat = ring.length - from;
  if (bytes <= flat) return ring.subarray(from, from + bytes);
  const line = new Uint8Array(bytes);
  line.set(ring.subarray(from));
  line.set(ring.subarray(0, bytes - flat), flat);
  return line;
}
