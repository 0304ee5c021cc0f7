import { close, open, write } from "node:fs";

/** Bytes waiting for one target; beyond, lines are lost and counted. */
const PENDING_MAX = 8 * 1024 * 1024;
const PENDING_FIRST = 64 * 1024;

/** What a sink needs of the file system; tests hand in their own. */
export interface LogFiles {
  open(path: string, done: (error: Error | null, fd: number) => void): void;
  write(
    fd: number,
    bytes: Uint8Array,
    from: number,
    count: number,
    done: (error: Error | null, written: number) => void,
  ): void;
  close(fd: number): void;
}

export const systemLogFiles: LogFiles = {
  open: (path, done) => open(path, "a", 0o640, done),
  write: (fd, bytes, from, count, done) => write(fd, bytes, from, count, null, done),
  close: (fd) => close(fd, () => {}),
};

const STANDARD: Readonly<Record<string, number>> = { stdout: 1, stderr: 2 };

/**
 * One target of log lines: `stdout`, `stderr` or a file, appended to. Lines gather in memory and
 * leave in one large asynchronous write at a time; while the target is slow or broken nobody waits,
 * and what does not fit is lost and counted.
 */
export class LogSink {
  readonly target: string;
  readonly #files: LogFiles;
  #fd: number;
  #opening = false;
  #pending = new Uint8Array(PENDING_FIRST);
  #spare = new Uint8Array(PENDING_FIRST);
  #bytes = 0;
  #lines = 0;
  #busy = false;
  #reopen = false;
  #idle: (() => void)[] = [];
  /** Lines lost, and why the last time. */
  lost = 0;
  lastError = "";

  constructor(target: string, files: LogFiles = systemLogFiles) {
    this.target = target;
    this.#files = files;
    this.#fd = STANDARD[target] ?? -1;
  }

  append(line: Uint8Array): void {
    const needed = this.#bytes + line.length;
    if (needed > PENDING_MAX) {
      this.#lose(1, "written too slowly");
      return;
    }
    if (needed > this.#pending.length) {
      const larger = new Uint8Array(Math.min(PENDING_MAX, Math.max(needed, this.#bytes * 2)));
      larger.set(this.#pending.subarray(0, this.#bytes));
      this.#pending = larger;
    }
    this.#pending.set(line, this.#bytes);
    this.#bytes = needed;
    this.#lines++;
  }

  /** Sends what has gathered on its way, unless a write is under way still. */
  flush(): void {
    if (this.#busy || this.#opening) return;
    if (this.#fd < 0 || this.#reopen) this.#open();
    else if (this.#bytes > 0) this.#writeAll();
    else this.#rest();
  }

  /** Lets go of a file that was renamed; the next line goes to a new one of the old name. */
  reopen(): void {
    if (STANDARD[this.target] === undefined && this.#fd >= 0) this.#reopen = true;
  }

  /** Resolves when everything appended so far was written or lost, and the file is closed. */
  async end(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#idle.push(resolve);
      this.flush();
    });
    if (STANDARD[this.target] === undefined && this.#fd >= 0) this.#files.close(this.#fd);
    this.#fd = STANDARD[this.target] ?? -1;
  }

  #open(): void {
    if (this.#bytes === 0 && this.#fd < 0) {
      this.#rest();
      return;
    }
    this.#opening = true;
    this.#files.open(this.target, (error, fd) => {
      this.#opening = false;
      this.#reopen = false;
      if (error) {
        this.#lose(this.#lines, error.message);
        this.#bytes = 0;
        this.#lines = 0;
        this.#rest();
        return;
      }
      if (this.#fd >= 0) this.#files.close(this.#fd);
      this.#fd = fd;
      this.flush();
    });
  }

  #writeAll(): void {
    const chunk = this.#pending;
    const bytes = this.#bytes;
    const lines = this.#lines;
    this.#pending = this.#spare;
    this.#spare = chunk;
    this.#bytes = 0;
    this.#lines = 0;
    this.#busy = true;
    const more = (from: number): void =>
      this.#files.write(this.#fd, chunk, from, bytes - from, (error, written) => {
        if (error === null && from + written < bytes && written > 0) {
          more(from + written);
          return;
        }
        this.#busy = false;
        if (error) this.#lose(Math.ceil((lines * (bytes - from)) / bytes), error.message);
        this.#rest();
      });
    more(0);
  }

  #lose(lines: number, why: string): void {
    this.lost += lines;
    if (lines > 0) this.lastError = why;
  }

  /** Nothing is under way: go on with what came meanwhile if somebody waits for it. */
  #rest(): void {
    if (this.#idle.length === 0) return;
    if (this.#bytes > 0) {
      this.flush();
      return;
    }
    const waiting = this.#idle;
    this.#idle = [];
    for (const resolve of waiting) resolve();
  }
}
