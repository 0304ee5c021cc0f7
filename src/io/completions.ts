// @hot
import type { Sink } from "./transport.ts";

export const DONE = Object.freeze({
  ACCEPTED: 0,
  CONNECTED: 1,
  RECEIVED: 2,
  SENT: 3,
  SPLICED: 4,
  CLOSED: 5,
  WOKEN: 6,
});

/** A row: kind, handle, result, at, buffer. */
const ROW = 5;

/** Results found by system calls, in order, until the sink is called with them. */
export class Completions {
  readonly #rows: Int32Array;
  readonly #capacity: number;
  #head = 0;
  #count = 0;

  /** `capacity`: the most that can be waiting at once. */
  constructor(capacity: number) {
    this.#capacity = capacity;
    this.#rows = new Int32Array(capacity * ROW);
  }

  get count(): number {
    return this.#count;
  }

  push(kind: number, handle: number, result: number, at: number, buffer: number): void {
    const index = this.#head + this.#count++;
    const row = (index < this.#capacity ? index : index - this.#capacity) * ROW;
    this.#rows[row] = kind;
    this.#rows[row + 1] = handle;
    this.#rows[row + 2] = result;
    this.#rows[row + 3] = at;
    this.#rows[row + 4] = buffer;
  }

  /** Of the oldest. */
  get kind(): number {
    return this.#rows[this.#head * ROW]!;
  }

  get handle(): number {
    return this.#rows[this.#head * ROW + 1]!;
  }

  get buffer(): number {
    return this.#rows[this.#head * ROW + 4]!;
  }

  /** Takes the oldest away untold. */
  drop(): void {
    this.#head = this.#head + 1 === this.#capacity ? 0 : this.#head + 1;
    this.#count--;
  }

  /** Takes the oldest away and tells it; the sink may push more meanwhile. */
  deliver(sink: Sink): void {
    const rows = this.#rows;
    const row = this.#head * ROW;
    const handle = rows[row + 1]!;
    const result = rows[row + 2]!;
    this.drop();
    switch (rows[row]) {
      case DONE.ACCEPTED:
        sink.accepted(handle, result);
        return;
      case DONE.CONNECTED:
        sink.connected(handle, result);
        return;
      case DONE.RECEIVED:
        sink.received(handle, result, rows[row + 3]!, rows[row + 4]!);
        return;
      case DONE.SENT:
        sink.sent(handle, result);
        return;
      case DONE.SPLICED:
        sink.spliced(handle, result);
        return;
      case DONE.CLOSED:
        sink.closed(handle);
        return;
      default:
        sink.woken();
    }
  }
}
