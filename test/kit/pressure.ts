import { connect } from "node:net";
import type { Owner } from "./owner.ts";

export interface Failure {
  /** When the request was begun, on performance.now()'s clock. */
  readonly beganMs: number;
  readonly tookMs: number;
  /** `status 503`, `closed`, `refused` … */
  readonly how: string;
  /**
   * The connection was kept from a request before, and ended without one byte of an answer: the
   * unavoidable meeting of a request and a close (RFC 9112 §9.3.1), which browsers try again.
   */
  readonly meeting: boolean;
}

export interface Pressed {
  readonly good: number;
  readonly failures: readonly Failure[];
  readonly slowestMs: number;
}

export interface PressureOptions {
  readonly connections?: number;
  readonly path?: string;
  /** Requests on each connection before another one is made; 0 = as many as it lives for. */
  readonly requests?: number;
}

/** A connection that fails is followed by another after this, so that a refusal is no busy loop. */
const AGAIN_MS = 2;

/**
 * As many requests as go, one after the other on each of some connections. Counts every answer
 * exactly: status 200 with its whole body is good, everything else a failure with its time.
 */
export class Pressure {
  readonly #port: number;
  readonly #requests: number;
  readonly #request: string;
  readonly #failures: Failure[] = [];
  readonly #running: Promise<void>[];
  #good = 0;
  #lastGoodMs = performance.now();
  #gapMs = 0;
  #slowestMs = 0;
  #stopped = false;

  constructor(t: Owner, port: number, options: PressureOptions = {}) {
    const { connections = 16, path = "/", requests = 0 } = options;
    this.#port = port;
    this.#requests = requests;
    this.#request = `GET ${path} HTTP/1.1\r\nHost: pressure.example\r\n\r\n`;
    t.after(() => {
      this.#stopped = true;
    });
    this.#running = Array.from({ length: connections }, () => this.#press());
  }

  get good(): number {
    return this.#good;
  }

  get failures(): readonly Failure[] {
    return this.#failures;
  }

  /** Forgets the longest time without a good answer, which `gapMs` measures from now on. */
  mark(): void {
    this.#gapMs = 0;
    this.#lastGoodMs = performance.now();
  }

  /** Longest time, since the mark, in which no connection got a good answer. */
  get gapMs(): number {
    return Math.max(this.#gapMs, performance.now() - this.#lastGoodMs);
  }

  /** Resolves when so many good answers more have come. */
  async more(count: number): Promise<void> {
    const goal = this.#good + count;
    while (this.#good < goal && !this.#stopped) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  /** Lets the requests under way end. */
  async stop(): Promise<Pressed> {
    this.#stopped = true;
    await Promise.all(this.#running);
    return { good: this.#good, failures: this.#failures, slowestMs: this.#slowestMs };
  }

  async #press(): Promise<void> {
    while (!this.#stopped) {
      const before = this.#failures.length;
      await this.#connection();
      if (this.#failures.length > before) {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  /** One connection's life. */
  #connection(): Promise<void> {
    const socket = connect({ port: this.#port, host: "127.0.0.1" });
    socket.setNoDelay(true).setEncoding("latin1");
    let done = 0;
    let text = "";
    let beganMs = performance.now();
    let over = false;
    return new Promise((resolve) => {
      const end = (how: string): void => {
        if (over) return;
        over = true;
        const meeting = done > 0 && text === "" && how === "closed";
        const tookMs = performance.now() - beganMs;
        if (how !== "") this.#failures.push({ beganMs, tookMs, how, meeting });
        socket.destroy();
        resolve();
      };
      const next = (): void => {
        text = "";
        beganMs = performance.now();
        socket.write(this.#request);
      };
      socket.on("connect", next);
      socket.on("error", (error: NodeJS.ErrnoException) => {
        end(error.code === "ECONNREFUSED" ? "refused" : "closed");
      });
      socket.on("close", () => end("closed"));
      socket.on("data", (part: string) => {
        text += part;
        const status = wholeAnswer(text);
        if (status === 0) return;
        if (status !== 200) return end(`status ${status}`);
        this.#count(beganMs);
        done++;
        const last = done === this.#requests || /^connection: close/im.test(text);
        if (this.#stopped || last) end("");
        else next();
      });
    });
  }

  #count(beganMs: number): void {
    const nowMs = performance.now();
    this.#good++;
    this.#slowestMs = Math.max(this.#slowestMs, nowMs - beganMs);
    this.#gapMs = Math.max(this.#gapMs, nowMs - this.#lastGoodMs);
    this.#lastGoodMs = nowMs;
  }
}

/**
 * The answer's status when all of it is there, as Content-Length or the last chunk says; else 0.
 */
function wholeAnswer(text: string): number {
  const head = text.indexOf("\r\n\r\n");
  if (head < 0) return 0;
  const length = /^content-length: (\d+)/im.exec(text.slice(0, head + 2));
  const whole = length
    ? text.length >= head + 4 + Number(length[1])
    : text.endsWith("0\r\n\r\n") || text.slice(9, 12) === "204";
  return whole ? Number(text.slice(9, 12)) : 0;
}
