import type { MessageWriter, SyncMessage } from "./encode.ts";
import type { SyncEntry } from "./wire.ts";

/** Of the queue, what is sent at once when it was empty for long. */
const BURST_SECONDS = 0.02;

export interface OutboxEvents {
  send(bytes: Uint8Array): void;
  /** A message is there for `pump`. */
  waits(): void;
}

/**
 * Messages that wait, so that they go out at a pace: a table that is told whole would fill the
 * other end's socket at once. It holds what may be sent in a second; who has more keeps it for
 * later.
 */
export class Outbox {
  readonly #pace: number;
  readonly #events: OutboxEvents;
  readonly #writer: MessageWriter;
  #queue: SyncMessage[] = [];
  #waiting = 0;
  #open = 0;
  /** Entries that may be sent now; below 0 after a message with more. */
  #allowance = 0;
  #filledMs = 0;

  /** `pace`: entries a second. */
  constructor(pace: number, writer: MessageWriter, events: OutboxEvents) {
    this.#pace = pace;
    this.#writer = writer;
    this.#events = events;
  }

  /** Entries that wait. */
  get waiting(): number {
    return this.#waiting + this.#open;
  }

  get hasRoom(): boolean {
    return this.waiting < this.#pace;
  }

  add(entry: SyncEntry): void {
    if (!this.#writer.add(entry)) {
      this.flush();
      this.#writer.add(entry);
    }
    this.#open++;
  }

  /** No more entries come for now. */
  flush(): void {
    if (this.#writer.isEmpty) return;
    const message = this.#writer.take();
    this.#queue.push(message);
    this.#waiting += message.entries;
    this.#open = 0;
    this.#events.waits();
  }

  /** Sends what may be sent by now; true when some is left. */
  pump(nowMs: number): boolean {
    const elapsed = Math.max(0, nowMs - this.#filledMs) / 1000;
    this.#filledMs = nowMs;
    const most = Math.max(1, this.#pace * BURST_SECONDS);
    this.#allowance = Math.min(most, this.#allowance + elapsed * this.#pace);
    let sent = 0;
    while (sent < this.#queue.length && this.#allowance > 0) {
      const { bytes, entries } = this.#queue[sent++]!;
      this.#allowance -= entries;
      this.#waiting -= entries;
      this.#events.send(bytes);
    }
    if (sent > 0) this.#queue = this.#queue.slice(sent);
    return this.#queue.length > 0;
  }
}
