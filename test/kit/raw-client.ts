import { connect, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { naiveChunked } from "./http/naive-chunked.ts";
import { type NaiveResponse, naiveResponse } from "./http/naive-response.ts";

const LIMITS = { headBytes: 1 << 20, headers: 1000, uriBytes: 1 << 18 };

/** Only a failing test ever waits so long. */
const PATIENCE_MS = 30_000;

/** An answer as a client that believes nothing reads it. */
export interface Answer {
  readonly head: NaiveResponse;
  /** The content, without framing. */
  readonly body: string;
  /** Its framing says that it is all there. An answer that ends with its connection never is. */
  readonly whole: boolean;
}

/** A client that sends exactly the bytes it is told to, and keeps exactly those that come. */
export class RawClient {
  /** Everything received, one character a byte. */
  text = "";
  /** How the connection ended, as far as it did. */
  ended: "open" | "end" | "reset" = "open";
  readonly socket: Socket;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true).setEncoding("latin1");
    socket.on("data", (part: string) => {
      this.text += part;
      this.#look();
    });
    socket.on("end", () => this.#end("end"));
    socket.on("error", () => this.#end("reset"));
    socket.on("close", () => this.#end("end"));
  }

  /** Connects to 127.0.0.1; closed when the test ends. */
  static async connect(t: TestContext, port: number): Promise<RawClient> {
    const socket = connect({ port, host: "127.0.0.1" });
    t.after(() => socket.destroy());
    const client = new RawClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
    });
    return client;
  }

  send(bytes: string): void {
    if (this.socket.writable) this.socket.write(bytes, "latin1");
  }

  /** Sends in pieces that the kernel does not put together again, as far as one can tell. */
  async drip(bytes: string, pieceBytes: number): Promise<void> {
    for (let at = 0; at < bytes.length && this.ended === "open"; at += pieceBytes) {
      this.send(bytes.slice(at, at + pieceBytes));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Resolves when `met` holds; rejects with what came when that takes too long. */
  until(met: () => boolean, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!met()) return;
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(look);
        const came = JSON.stringify(this.text.slice(0, 500));
        reject(new Error(`${what} did not come; ${this.ended}, so far: ${came}`));
      }, PATIENCE_MS);
      this.#waiting.add(look);
      look();
    });
  }

  /** Resolves when the other side has ended the connection. */
  closed(): Promise<void> {
    return this.until(() => this.ended !== "open", "the connection's end");
  }

  /** Resolves when so many whole answers, 1xx not counted, have come. */
  async answers(count: number, method = "GET"): Promise<Answer[]> {
    const finals = (): Answer[] =>
      readAnswers(this.text, method).answers.filter((a) => a.head.status >= 200);
    await this.until(
      () => finals().filter((a) => a.whole).length >= count || this.ended !== "open",
      `answer ${count}`,
    );
    return finals();
  }

  destroy(): void {
    this.socket.destroy();
  }

  #end(how: "end" | "reset"): void {
    // A reset after an orderly end has still thrown something away, but not of ours.
    if (this.ended === "open") this.ended = how;
    this.#look();
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}

/**
 * The answers in a text, by a strict reader; `rest` is what follows them and is no answer, or not a
 * whole head yet.
 */
export function readAnswers(text: string, method = "GET"): { answers: Answer[]; rest: string } {
  const answers: Answer[] = [];
  let rest = text;
  while (rest !== "") {
    const head = naiveResponse(rest, LIMITS, method === "HEAD");
    if (typeof head !== "object") break;
    const after = rest.slice(head.end);
    const { body, used, whole } = readBody(head, after);
    answers.push({ head, body, whole });
    rest = after.slice(used);
    if (!whole) break;
  }
  return { answers, rest };
}

function readBody(head: NaiveResponse, text: string) {
  switch (head.framing) {
    case "none":
      return { body: "", used: 0, whole: true };
    case "length": {
      const used = Math.min(head.contentLength, text.length);
      return { body: text.slice(0, used), used, whole: used === head.contentLength };
    }
    case "chunked": {
      const read = naiveChunked(text);
      if (typeof read !== "object") return { body: text, used: text.length, whole: false };
      return { body: read.content, used: read.end, whole: true };
    }
    default:
      return { body: text, used: text.length, whole: false };
  }
}

/** One request on a connection of its own; its answer, whole. */
export async function askOnce(t: TestContext, port: number, target: string): Promise<Answer> {
  const client = await RawClient.connect(t, port);
  client.send(`GET ${target} HTTP/1.1\r\nHost: next.example\r\n\r\n`);
  const [answer] = await client.answers(1);
  client.destroy();
  if (!answer?.whole) throw new Error(`no whole answer to ${target}: ${client.text}`);
  return answer;
}
