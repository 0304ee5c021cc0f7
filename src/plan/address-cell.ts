// @hot
import { type Board, SERVER } from "./board.ts";

/**
 * A server's socket address on the Board, written by control and read by workers while it may
 * change. ADDRESS_SEQ guards it (a sequence lock): odd while being written, another even number
 * afterwards. Every word goes through Atomics, because only those are ordered on every machine.
 *
 *   writer   SEQ odd │ BYTES, words │ SEQ even
 *   reader   SEQ even? │ BYTES, words │ SEQ unchanged? else again
 *
 * Four bytes of the struct share a word, the first in the lowest bits.
 */
export const ADDRESS_MAX_BYTES = 28 * 4;

/**
 * A reader gives up after this many tries: the writer died in the middle. Far above what a live one
 * needs.
 */
const TRIES = 1000;

const EAGAIN = -11;

/**
 * Publishes `bytes` bytes of a struct sockaddr at `at`; 0 takes the address away. One writer only.
 */
export function writeAddress(
  board: Board,
  slot: number,
  memory: Uint8Array,
  at: number,
  bytes: number,
): void {
  const cells = board.servers;
  const row = slot * SERVER.size;
  // `| 1` also starts right when a writer before us died and left it odd.
  const seq = Atomics.load(cells, row + SERVER.ADDRESS_SEQ) | 1;
  Atomics.store(cells, row + SERVER.ADDRESS_SEQ, seq);
  Atomics.store(cells, row + SERVER.ADDRESS_BYTES, bytes);
  for (let i = 0; i < bytes; i += 4) {
    let word = memory[at + i]!;
    if (i + 1 < bytes) word |= memory[at + i + 1]! << 8;
    if (i + 2 < bytes) word |= memory[at + i + 2]! << 16;
    if (i + 3 < bytes) word |= memory[at + i + 3]! << 24;
    Atomics.store(cells, row + SERVER.ADDRESS + (i >> 2), word);
  }
  Atomics.store(cells, row + SERVER.ADDRESS_SEQ, (seq + 1) | 0);
}

/**
 * Copies the server's struct sockaddr to memory[at …], which has room for ADDRESS_MAX_BYTES.
 * Returns its length, 0 when the server has no address yet, or -EAGAIN when a dead writer left it
 * half done.
 */
export function readAddress(board: Board, slot: number, memory: Uint8Array, at: number): number {
  const cells = board.servers;
  const row = slot * SERVER.size;
  for (let i = 0; i < TRIES; i++) {
    const seq = Atomics.load(cells, row + SERVER.ADDRESS_SEQ);
    if ((seq & 1) !== 0) continue;
    const bytes = Atomics.load(cells, row + SERVER.ADDRESS_BYTES);
    for (let j = 0; j < bytes && j < ADDRESS_MAX_BYTES; j += 4) {
      const word = Atomics.load(cells, row + SERVER.ADDRESS + (j >> 2));
      memory[at + j] = word;
      if (j + 1 < bytes) memory[at + j + 1] = word >> 8;
      if (j + 2 < bytes) memory[at + j + 2] = word >> 16;
      if (j + 3 < bytes) memory[at + j + 3] = word >> 24;
    }
    if (Atomics.load(cells, row + SERVER.ADDRESS_SEQ) === seq) return bytes;
  }
  return EAGAIN;
}
