import type { Peer } from "./peer.ts";

/** An answer as a client reads it, byte for byte. */
export interface Answer {
  readonly status: number;
  /** Status line and fields with their line ends, the empty line included. */
  readonly head: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  /** The content, framing removed. */
  readonly body: Buffer;
  /** Lines between the last chunk and the empty line. */
  readonly trailers: string;
}

/** Values of a field, in order, by its name in any case. */
export const values = (answer: Answer, name: string): string[] =>
  answer.fields.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, v]) => v);

/** The field's value, or undefined. */
export const value = (answer: Answer, name: string): string | undefined => values(answer, name)[0];

/** Reads one answer, of 1xx too. `toHead`: it answers a HEAD request and so has no content. */
export async function readAnswer(peer: Peer, toHead = false): Promise<Answer> {
  const head = await peer.head();
  const lines = head.split("\r\n");
  const status = Number(/^HTTP\/1\.1 (\d\d\d) /.exec(lines[0]!)![1]);
  const fields = lines.slice(1, -2).map((line) => {
    const colon = line.indexOf(":");
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  const of = (name: string) => fields.find(([n]) => n.toLowerCase() === name)?.[1];
  const none = { status, head, fields, body: Buffer.alloc(0), trailers: "" };
  if (toHead || status < 200 || status === 204 || status === 304) return none;
  if (of("transfer-encoding") === "chunked") return { ...none, ...(await readChunks(peer)) };
  const length = of("content-length");
  return { ...none, body: length === undefined ? await peer.rest() : await peer.take(+length) };
}

async function readChunks(peer: Peer): Promise<{ body: Buffer; trailers: string }> {
  const parts: Buffer[] = [];
  for (;;) {
    const line = await peer.takeTo("\r\n");
    if (!/^[0-9a-fA-F]+\r\n$/.test(line)) throw new Error(`not a chunk: ${JSON.stringify(line)}`);
    const size = Number.parseInt(line, 16);
    if (size === 0) break;
    parts.push(await peer.take(size));
    if ((await peer.take(2)).toString("latin1") !== "\r\n") throw new Error("no end of a chunk");
  }
  let trailers = "";
  for (let line = await peer.takeTo("\r\n"); line !== "\r\n"; line = await peer.takeTo("\r\n")) {
    trailers += line;
  }
  return { body: Buffer.concat(parts), trailers };
}

/** An answer with a body of known length, as a server writes it. */
export const plain = (body: string, fields = ""): string =>
  `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;

/** A request without a body. */
export const get = (target = "/", fields = ""): string =>
  `GET ${target} HTTP/1.1\r\nHost: example.test\r\n${fields}\r\n`;
