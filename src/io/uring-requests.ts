// @hot
import { OP, SOCKET_SETSOCKOPT, SQE } from "./uring-abi.ts";
import type { Ring } from "./uring-ring.ts";
import { SOCK } from "./uring-sockets.ts";

/** Kinds of request, in bits 24–30 of the user data; the handle is in the bits below. */
export const KIND = Object.freeze({
  IGNORED: 0,
  WAKE: 1,
  ACCEPT: 2,
  RECEIVE: 3,
  INTO: 4,
  SEND: 5,
  SOCKET: 6,
  CONNECT: 7,
  CLOSE: 8,
  SPLICE_FROM: 9,
  SPLICE_TO: 10,
  FINISH: 11,
});
export const KIND_SHIFT = 24;
export const HANDLE_MASK = (1 << KIND_SHIFT) - 1;

/** Requests on direct descriptors: each counts in its socket's PENDING until it completes. */
export class Requests {
  readonly #ring: Ring;
  readonly #cells: Int32Array;

  constructor(ring: Ring, cells: Int32Array) {
    this.#ring = ring;
    this.#cells = cells;
  }

  /** Word offset of a fresh entry; see Ring.entry. */
  entry(op: number, kind: number, socket: number): number {
    this.#cells[socket * SOCK.WORDS + SOCK.PENDING]!++;
    return this.#ring.entry(op | SQE.FIXED_FILE, socket, (kind << KIND_SHIFT) | socket, 0);
  }
}

/**
 * setsockopt inside the ring, silent on success; `valueAt` is an address that stays until it is
 * submitted. A failure is told under `data`.
 */
export function writeSetOption(
  ring: Ring,
  socket: number,
  level: number,
  option: number,
  valueAt: number,
  bytes: number,
  flags: number,
  data: number,
): void {
  const op = OP.URING_CMD | SQE.FIXED_FILE | SQE.CQE_SKIP_SUCCESS | flags;
  const at = ring.entry(op, socket, data, 0);
  const words = ring.words;
  words[at + 2] = SOCKET_SETSOCKOPT;
  words[at + 4] = level;
  words[at + 5] = option;
  words[at + 11] = bytes;
  words[at + 12] = valueAt;
}
