import type { ServerResponse } from "node:http";
import type { ControlEvent } from "#control/api.ts";
import { diff } from "./diff.ts";
import { toJson } from "./json.ts";

/** Pages that may watch at a time. */
const MAX_WATCHERS = 64;
/** A watcher that has so much unread is cut off: it will come back. */
const MAX_UNREAD_BYTES = 1 << 20;

/**
 * Server-sent events (HTML Living Standard, "Server-sent events") to every page that watches:
 * `status` once with the whole document, then every second `delta` with what changed, and `event`
 * for news. All watchers get the same deltas, so a document is made once a second, and none while
 * nobody watches.
 */
export class Stream {
  readonly #document: () => unknown;
  readonly #watchers = new Set<ServerResponse>();
  #last: unknown;

  constructor(document: () => unknown) {
    this.#document = document;
  }

  get full(): boolean {
    return this.#watchers.size >= MAX_WATCHERS;
  }

  /** Takes over the answer until the client leaves. */
  watch(response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.once("close", () => this.#watchers.delete(response));
    if (this.#watchers.size === 0) this.#last = this.#document();
    this.#watchers.add(response);
    send(response, frame("status", toJson(this.#last)));
  }

  /** Once a second. */
  tick(): void {
    if (this.#watchers.size === 0) return;
    const now = this.#document();
    const change = diff(this.#last, now) ?? {};
    this.#last = now;
    this.#sendAll(frame("delta", toJson(change)));
  }

  tell(event: ControlEvent): void {
    this.#sendAll(frame("event", toJson(event)));
  }

  close(): void {
    for (const watcher of this.#watchers) watcher.destroy();
  }

  #sendAll(text: string): void {
    for (const watcher of this.#watchers) send(watcher, text);
  }
}

/** JSON has no raw line breaks, so one data line is enough. */
const frame = (event: string, data: string): string => `event: ${event}\ndata: ${data}\n\n`;

function send(watcher: ServerResponse, text: string): void {
  if (watcher.writableLength > MAX_UNREAD_BYTES) watcher.destroy();
  else watcher.write(text);
}
