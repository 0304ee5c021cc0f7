import { connect, type Socket } from "node:net";

/** How a connection ended, as far as this side saw it. */
export type Ending = "end" | "reset";

/**
 * One end of a TCP connection under a test's full control: bytes are written and read as they are,
 * and every wait is for an event.
 */
export class Peer {
  readonly socket: Socket;
  /** What was received and not taken yet, and what came since that was put together. */
  #joined: Buffer = Buffer.alloc(0);
  #fresh: Buffer[] = [];
  /** Bytes received in all, and those not taken yet. */
  received = 0;
  #held = 0;
  #ending: Ending | undefined;
  #waiting: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (data: Buffer) => {
      this.received += data.length;
      this.#held += data.length;
      this.#fresh.push(data);
      this.#wake();
    });
    socket.on("end", () => this.#end("end"));
    socket.on("error", () => this.#end("reset"));
    socket.on("close", () => this.#end("reset"));
  }

  get #bytes(): Buffer {
    if (this.#fresh.length > 0) this.#joined = Buffer.concat([this.#joined, ...this.#fresh]);
    this.#fresh = [];
    return this.#joined;
  }

  #end(how: Ending): void {
    this.#ending ??= how;
    this.#wake();
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  /** Bytes are text in latin1, or a buffer. Not waited for. */
  write(bytes: string | Uint8Array): this {
    this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
    return this;
  }

  /** Nothing more will be written; reading goes on. */
  end(): this {
    this.socket.end();
    return this;
  }

  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Closes both ways at once. */
  destroy(): void {
    this.socket.destroy();
  }

  /** Bytes that came and were not taken, as latin1. */
  get text(): string {
    return this.#bytes.toString("latin1");
  }

  get ended(): boolean {
    return this.#ending !== undefined;
  }

  /** Resolves when the condition holds; rejects when the connection ends before. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.#ending) throw new Error(`${this.#ending} after ${JSON.stringify(this.text)}`);
      await new Promise<void>((go) => this.#waiting.push(go));
    }
  }

  /** Takes exactly `count` bytes. */
  async take(count: number): Promise<Buffer> {
    await this.until(() => this.#held >= count);
    return this.#cut(count);
  }

  /** Takes everything up to and including the first `mark`. */
  async takeTo(mark: string): Promise<string> {
    await this.until(() => this.#bytes.includes(mark, 0, "latin1"));
    return this.#cut(this.#bytes.indexOf(mark, 0, "latin1") + mark.length).toString("latin1");
  }

  /** Takes a head with its empty line. */
  head(): Promise<string> {
    return this.takeTo("\r\n\r\n");
  }

  /** Takes what comes until the other side finishes; rejects when it resets. */
  async rest(): Promise<Buffer> {
    if ((await this.ending()) === "reset") throw new Error(`reset after ${this.#held} bytes`);
    return this.#cut(this.#held);
  }

  /** Resolves when the other side finished or reset the connection. */
  async ending(): Promise<Ending> {
    while (!this.#ending) await new Promise<void>((go) => this.#waiting.push(go));
    return this.#ending;
  }

  #cut(count: number): Buffer {
    const taken = this.#bytes.subarray(0, count);
    this.#joined = this.#joined.subarray(count);
    this.#held -= count;
    return taken;
  }
}

/** A connection to a port of the loopback; resolves when it stands. */
export function connectTo(port: number, host = "127.0.0.1"): Promise<Peer> {
  return new Promise((done, fail) => {
    const socket = connect({ port, host, allowHalfOpen: true });
    socket.once("error", fail);
    socket.once("connect", () => {
      socket.off("error", fail);
      done(new Peer(socket));
    });
  });
}
