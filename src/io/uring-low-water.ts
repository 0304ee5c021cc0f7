// @hot
import { OP, SQE } from "./uring-abi.ts";
import { KIND, KIND_SHIFT, writeSetOption } from "./uring-requests.ts";
import type { Ring } from "./uring-ring.ts";
import { SOCK } from "./uring-sockets.ts";

const SOL_SOCKET = 1;
const SO_RCVLOWAT = 18;
const IGNORED = KIND.IGNORED << KIND_SHIFT;
/** How long bytes may wait for others, in ns. */
const MOMENT_NS = 500_000;
/** As many values as entries can be on their way to the kernel at once. */
const VALUES = 2048;

/** Bytes that LowWater needs of the arena. */
export const LOW_WATER_BYTES = 16 + VALUES * 4;

/**
 * How many bytes must have come before a socket counts as readable (SO_RCVLOWAT, socket(7)), and a
 * bound on how long that is insisted on: what flows fast is moved in few large pieces, what comes
 * slowly is late by a moment. The kernel does not insist beyond the end of the stream or the
 * receive window (net/ipv4/tcp.c, tcp_epollin_ready, Linux 6.18).
 */
export class LowWater {
  readonly #ring: Ring;
  readonly #cells: Int32Array;
  readonly #words: Int32Array;
  readonly #address: number;
  /** Word offset of the values; a timespec lies before them. */
  readonly #values: number;
  #next = 0;

  /** `at`: arena offset of LOW_WATER_BYTES, a multiple of 16. */
  constructor(ring: Ring, cells: Int32Array, address: number, at: number) {
    this.#ring = ring;
    this.#cells = cells;
    this.#words = ring.words;
    this.#address = address;
    this.#values = (at + 16) >> 2;
    ring.words[(at >> 2) + 2] = MOMENT_NS;
  }

  /** Whatever comes counts again, where something else was asked. */
  lower(socket: number): void {
    if (this.#cells[socket * SOCK.WORDS + SOCK.LOW_WATER]! > 1) this.set(socket, 1);
  }

  /** The kernel takes it before any entry that comes after. */
  set(socket: number, bytes: number): void {
    const cell = socket * SOCK.WORDS + SOCK.LOW_WATER;
    if (this.#cells[cell] === bytes) return;
    this.#cells[cell] = bytes;
    const value = this.#values + this.#next;
    this.#next = (this.#next + 1) % VALUES;
    this.#words[value] = bytes;
    const valueAt = this.#address + value * 4;
    writeSetOption(this.#ring, socket, SOL_SOCKET, SO_RCVLOWAT, valueAt, 4, 0, IGNORED);
  }

  /** Bounds the entry written last, which must be linked to the next. */
  bound(): void {
    const at = this.#ring.entry(OP.LINK_TIMEOUT | SQE.CQE_SKIP_SUCCESS, -1, IGNORED, 0);
    this.#words[at + 4] = this.#address + this.#values * 4 - 16;
    this.#words[at + 6] = 1;
  }
}
