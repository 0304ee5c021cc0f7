import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { Peer } from "./peer.ts";

/**
 * A server that does nothing by itself: a test takes its connections one by one, reads what came
 * and answers byte by byte.
 */
export class RawServer {
  readonly #server: Server;
  readonly #fresh: Peer[] = [];
  readonly #peers = new Set<Peer>();
  #waiting: ((peer: Peer) => void)[] = [];
  /** Connections accepted so far. */
  accepted = 0;

  constructor() {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      const peer = new Peer(socket);
      this.accepted++;
      this.#peers.add(peer);
      socket.on("close", () => this.#peers.delete(peer));
      const taker = this.#waiting.shift();
      if (taker) taker(peer);
      else this.#fresh.push(peer);
    });
  }

  /** Listens on a port of the loopback, an ephemeral one unless told. */
  async start(port = 0): Promise<this> {
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  get port(): number {
    return (this.#server.address() as { port: number }).port;
  }

  /** Connections open now. */
  get open(): number {
    return this.#peers.size;
  }

  /** The next connection, in order of arrival. */
  connection(): Promise<Peer> {
    const peer = this.#fresh.shift();
    if (peer) return Promise.resolve(peer);
    return new Promise((done) => this.#waiting.push(done));
  }

  /** The head of the first request on the next connection, and that connection. */
  async request(): Promise<{ head: string; peer: Peer }> {
    const peer = await this.connection();
    return { head: await peer.head(), peer };
  }

  /**
   * Does this with every connection from now on; what it throws when a peer leaves is forgotten.
   */
  serve(act: (peer: Peer) => Promise<void>): this {
    void this.connection().then((peer) => {
      this.serve(act);
      act(peer).catch(() => {});
    });
    return this;
  }

  /** Refuses connections from now on; those there are stay. */
  refuse(): void {
    this.#server.close();
  }

  stop(): void {
    for (const peer of this.#peers) peer.destroy();
    this.#server.close();
  }
}
