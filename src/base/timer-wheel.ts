// @hot
/**
 * Deadlines of many handles (sockets), one each. A deadline is a tick; handles hang in the bucket
 * of the tick for which they were filed. Pushing a deadline back, which happens with every byte,
 * only writes a cell: the handle is filed anew when its old bucket comes by.
 *
 *   bucket:  0    1    2  …  (tick & mask)  …  N-1
 *            │         │
 *            h7→h2     h9        doubly linked, by handle
 */
export const TICK_MS = 16;

const BUCKETS = 4096;
const MASK = BUCKETS - 1;
/** Farthest a wait looks ahead: an idle loop wakes about once a second. */
const LOOK_AHEAD = 64;

export class TimerWheel {
  readonly #deadline: Int32Array;
  readonly #filed: Int32Array;
  readonly #next: Int32Array;
  readonly #prev: Int32Array;
  readonly #heads: Int32Array;
  /** Handles due, copied out before they are told, because telling files and removes. */
  readonly #due: Int32Array;
  #tick: number;

  /** Handles are 0 … handles-1; `nowMs` on the clock that `advance` will be given. */
  constructor(handles: number, nowMs: number) {
    this.#deadline = new Int32Array(handles);
    this.#filed = new Int32Array(handles).fill(-1);
    this.#next = new Int32Array(handles);
    this.#prev = new Int32Array(handles);
    this.#heads = new Int32Array(BUCKETS).fill(-1);
    this.#due = new Int32Array(handles);
    this.#tick = Math.floor(nowMs / TICK_MS);
  }

  /** The handle is due `delayMs` from `nowMs`, never early, up to two ticks late. */
  set(handle: number, nowMs: number, delayMs: number): void {
    const tick = Math.floor((nowMs + delayMs) / TICK_MS) + 1;
    this.#deadline[handle] = tick;
    const filed = this.#filed[handle]!;
    if (filed >= 0) {
      if (filed <= tick) return;
      this.#unlink(handle, filed);
    }
    this.#link(handle, tick);
  }

  clear(handle: number): void {
    this.#deadline[handle] = 0;
  }

  /** Tells every handle whose deadline has come, in no order. Its deadline is cleared before. */
  advance(nowMs: number, due: (handle: number) => void): void {
    const now = Math.floor(nowMs / TICK_MS);
    let count = 0;
    if (now - this.#tick > BUCKETS) this.#tick = now - BUCKETS;
    while (this.#tick < now) {
      const tick = ++this.#tick;
      let handle = this.#heads[tick & MASK]!;
      while (handle >= 0) {
        const next = this.#next[handle]!;
        const deadline = this.#deadline[handle]!;
        this.#unlink(handle, this.#filed[handle]!);
        if (deadline > now) this.#link(handle, deadline);
        else if (deadline !== 0) this.#due[count++] = handle;
        handle = next;
      }
    }
    for (let i = 0; i < count; i++) {
      const handle = this.#due[i]!;
      if (this.#deadline[handle] === 0) continue;
      this.#deadline[handle] = 0;
      due(handle);
    }
  }

  /** Milliseconds until something may be due, at most about a second. */
  waitMs(nowMs: number): number {
    const now = Math.floor(nowMs / TICK_MS);
    for (let i = 1; i < LOOK_AHEAD; i++) {
      if (this.#heads[(now + i) & MASK]! >= 0) return (now + i) * TICK_MS - nowMs + 1;
    }
    return LOOK_AHEAD * TICK_MS;
  }

  /**
   * Deadlines more than a turn of the wheel away wait in the farthest bucket and are filed again.
   */
  #link(handle: number, deadline: number): void {
    const tick = Math.min(Math.max(deadline, this.#tick + 1), this.#tick + MASK);
    const bucket = tick & MASK;
    const head = this.#heads[bucket]!;
    this.#filed[handle] = tick;
    this.#next[handle] = head;
    this.#prev[handle] = -1;
    if (head >= 0) this.#prev[head] = handle;
    this.#heads[bucket] = handle;
  }

  #unlink(handle: number, filed: number): void {
    const next = this.#next[handle]!;
    const prev = this.#prev[handle]!;
    if (prev >= 0) this.#next[prev] = next;
    else this.#heads[filed & MASK] = next;
    if (next >= 0) this.#prev[next] = prev;
    this.#filed[handle] = -1;
  }
}
