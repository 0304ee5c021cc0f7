import { createSocket } from "node:dgram";
import { once } from "node:events";

/** What a server sends back for a datagram; nothing: none. */
export type Answering = (asked: Buffer) => readonly Uint8Array[];

/** A server of UDP on an ephemeral port of the loopback. */
export class DatagramServer {
  readonly #socket = createSocket("udp4");

  constructor(answer: Answering) {
    this.#socket.on("message", (asked, from) => {
      for (const bytes of answer(asked)) this.#socket.send(bytes, from.port, from.address);
    });
  }

  /** Its port. */
  async start(): Promise<number> {
    this.#socket.bind(0, "127.0.0.1");
    await once(this.#socket, "listening");
    return this.#socket.address().port;
  }

  stop(): void {
    this.#socket.close();
  }
}

/** The answer of a name server: the question, with a response's flags and one record of A. */
export function nameServerAnswer(asked: Buffer, rcode = 0, records = 1): Buffer {
  const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 1]);
  const answer = Buffer.concat([asked, ...Array.from({ length: records }, () => record)]);
  answer.writeUInt16BE(0x8180 | rcode, 2);
  answer.writeUInt16BE(records, 6);
  return answer;
}
