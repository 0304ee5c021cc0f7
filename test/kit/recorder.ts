import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { naiveChunked } from "./http/naive-chunked.ts";
import type { Naive } from "./http/naive-message.ts";
import { type NaiveRequest, naiveRequest } from "./http/naive-request.ts";

/** Far more than a balancer with its own limits may send on. */
const LIMITS = { headBytes: 1 << 20, headers: 1000, uriBytes: 1 << 18 };

/** One request as it reached the server. */
export interface Recorded {
  /** Which of the server's connections it came over, counted from 0. */
  readonly connection: number;
  readonly head: NaiveRequest;
  /** The head as it came, with its empty line. */
  readonly text: string;
  /** The content, without framing. */
  readonly body: string;
  /** Names of trailers, in lower case. */
  readonly trailers: readonly string[];
}

/** How a recorder answers: writes to the socket itself, or returns what to write. */
export type Respond = (request: Recorded, socket: Socket) => string | undefined;

/**
 * The first request's head in `text`. An empty Host is what RFC 9112 §3.2 wants of a proxy whose
 * client, of HTTP/1.0, sent none; the parser would refuse it.
 */
const headIn = (text: string): Naive<NaiveRequest> =>
  naiveRequest(text.replace("\r\nHost: \r\n", "\r\nHost:0\r\n"), LIMITS);

const hello: Respond = ({ head }) => {
  const body = `${head.method} ${head.target}\n`;
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${head.method === "HEAD" ? "" : body}`;
};

/**
 * A server that believes nothing: it reads what reaches it with a strict parser of its own, keeps
 * every request, and notes as a fault whatever no balancer may let through. It answers with the
 * request's method and target, so that a client sees whether the answer is its own.
 */
export class Recorder {
  readonly requests: Recorded[] = [];
  /** What reached the server and is no well-formed request. */
  readonly faults: string[] = [];
  /** Requests that began and never became whole: their connections ended first. */
  readonly cut: string[] = [];
  connections = 0;
  readonly #respond: Respond;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(respond: Respond = hello) {
    this.#respond = respond;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Its port on 127.0.0.1; another one may be wished, as by a server that comes back. */
  async start(port = 0): Promise<number> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** Everything recorded since the last call: `METHOD target` of whole requests, then the rest. */
  take(): { targets: string[]; requests: Recorded[]; faults: string[]; cut: string[] } {
    const requests = this.requests.splice(0);
    const targets = requests.map(({ head }) => `${head.method} ${head.target}`);
    return { targets, requests, faults: this.faults.splice(0), cut: this.cut.splice(0) };
  }

  #serve(socket: Socket): void {
    const connection = this.connections++;
    let text = "";
    let tunnel = false;
    this.#sockets.add(socket);
    socket.setEncoding("latin1").setNoDelay(true);
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#sockets.delete(socket);
      if (text !== "") this.cut.push(text.slice(0, 200));
    });
    socket.on("data", (part: string) => {
      if (tunnel) {
        socket.write(part, "latin1");
        return;
      }
      text += part;
      for (let read = this.#read(text, connection); read; read = this.#read(text, connection)) {
        text = text.slice(read.end);
        this.requests.push(read.request);
        if (read.request.head.upgrade) {
          tunnel = true;
          socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n");
          socket.write(`Upgrade: echo\r\n\r\n`);
          return;
        }
        const answer = this.#respond(read.request, socket);
        if (answer !== undefined && socket.writable) socket.write(answer, "latin1");
      }
      if (typeof headIn(text) === "number") {
        this.faults.push(text.slice(0, 400));
        text = "";
        socket.destroy();
      }
    });
  }

  /** The first whole request in `text`, and where it ends. */
  #read(text: string, connection: number): { request: Recorded; end: number } | undefined {
    const head = headIn(text);
    if (typeof head !== "object") return undefined;
    const rest = text.slice(head.end);
    let body = "";
    let end = head.end;
    let trailers: readonly string[] = [];
    if (head.framing === "length") {
      if (rest.length < head.contentLength) return undefined;
      body = rest.slice(0, head.contentLength);
      end += head.contentLength;
    } else if (head.framing === "chunked") {
      const read = naiveChunked(rest);
      if (read === "malformed") this.faults.push(text.slice(0, 400));
      if (typeof read !== "object") return undefined;
      ({ content: body, trailers } = read);
      end += read.end;
    }
    return { request: { connection, head, text: text.slice(0, head.end), body, trailers }, end };
  }
}
