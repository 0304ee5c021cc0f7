import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

import type { Answering } from "./datagram-server.ts";

/** Ways a server can treat somebody who connects. */
export const HOSTILE: Readonly<Record<string, (socket: Socket) => void>> = {
  "closes at once": (socket) => socket.end(),
  "resets at once": (socket) => socket.resetAndDestroy(),
  "never answers": (socket) => socket.resume(),
  "drips for ever": (socket) => {
    const drip = setInterval(() => socket.write("H"), 5);
    socket.on("close", () => clearInterval(drip)).resume();
  },
  "answers without end": (socket) => {
    const pour = (): void => {
      while (!socket.destroyed && socket.write("x".repeat(65_536)));
    };
    socket.on("drain", pour).resume();
    pour();
  },
  "answers binary garbage": (socket) =>
    socket.end(Buffer.from(Array.from({ length: 2000 }, (_, i) => (i * 37) & 255))),
  "closes in the middle": (socket) => socket.end("HTTP/1.1 200 O"),
};

/** The same of one that is asked by datagrams: what no question of ours has for an answer. */
export const HOSTILE_DATAGRAMS: Readonly<Record<string, Answering>> = {
  "never answers": () => [],
  "sends a piece of the question back": (asked) => [asked.subarray(0, 2)],
};

/** A server on an ephemeral port of the loopback, with everything needed to end it. */
export class LoopbackServer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(act: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      act(socket);
    });
  }

  /** Its port. */
  async start(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return (this.#server.address() as { port: number }).port;
  }

  stop(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }
}
