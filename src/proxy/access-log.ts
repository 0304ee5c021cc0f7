// @hot
import { type Board, PROCESS_TOTALS, WORKER } from "#plan/board.ts";
import { LOG_LINE_MIN, type LogFormatter, type LogRecord } from "./log-record.ts";

/** Longest line. */
const LINE_MAX = 16_384;

/**
 * The worker's side of its log ring on the Board. A record is a little-endian word
 * `log index << 24 | bytes`, then the line, padded to a multiple of four; it may wrap round the
 * end.
 * Positions run free modulo 2³²; a line that finds no room is dropped and counted, never waited
 * for.
 */
export class AccessLog {
  readonly #ring: Uint8Array;
  readonly #mask: number;
  readonly #cells: Int32Array;
  readonly #headCell: number;
  readonly #tailCell: number;
  readonly #totals: Float64Array;
  readonly #line = new Uint8Array(LINE_MAX);
  #head: number;

  constructor(board: Board, worker: number) {
    this.#ring = board.totals[worker]!.log;
    this.#mask = this.#ring.length - 1;
    this.#cells = board.workers;
    this.#headCell = worker * WORKER.size + WORKER.LOG_HEAD;
    this.#tailCell = worker * WORKER.size + WORKER.LOG_TAIL;
    this.#totals = board.totals[worker]!.process;
    this.#head = Atomics.load(this.#cells, this.#headCell);
  }

  write(index: number, format: LogFormatter, record: LogRecord): void {
    const used = (this.#head - Atomics.load(this.#cells, this.#tailCell)) >>> 0;
    const at = this.#head & this.#mask;
    const room = this.#mask + 1 - used - 8;
    if (room < LOG_LINE_MIN) {
      this.#totals[PROCESS_TOTALS.LOG_DROPPED]!++;
      return;
    }
    // Straight into the ring where the line cannot wrap, else by way of a line of our own.
    const flat = this.#mask + 1 - at - 8;
    let bytes: number;
    if (flat >= LOG_LINE_MIN) {
      const limit = Math.min(flat, room, LINE_MAX);
      bytes = format(record, this.#ring, at + 4, at + 4 + limit) - at - 4;
    } else {
      bytes = format(record, this.#line, 0, Math.min(room, LINE_MAX));
      for (let i = 0; i < bytes; i++) this.#ring[(at + 4 + i) & this.#mask] = this.#line[i]!;
    }
    this.#ring[at] = bytes;
    this.#ring[(at + 1) & this.#mask] = bytes >> 8;
    this.#ring[(at + 2) & this.#mask] = bytes >> 16;
    this.#ring[(at + 3) & this.#mask] = index;
    this.#head = (this.#head + 4 + ((bytes + 3) & ~3)) | 0;
    Atomics.store(this.#cells, this.#headCell, this.#head);
    this.#totals[PROCESS_TOTALS.LOG_LINES]!++;
  }
}
