import http from "node:http";
import { Duplex } from "node:stream";

/** A message as Node's own parser saw it. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly version: string;
  readonly status: number;
  /** Names and values in turn, as they came. */
  readonly fields: readonly string[];
  readonly body: string;
}

/** A connection whose peer says `text` and then leaves; what is written to it is dropped. */
function connection(text: string): Duplex {
  const stream = new Duplex({
    read() {},
    write(_chunk, _encoding, done) {
      done();
    },
  });
  stream.push(Buffer.from(text, "latin1"));
  stream.push(null);
  return stream;
}

function collect(message: http.IncomingMessage, done: (seen: Seen | string) => void): void {
  const parts: Buffer[] = [];
  message.on("data", (part: Buffer) => parts.push(part));
  message.on("error", (error) => done(error.message));
  message.on("end", () =>
    done({
      method: message.method ?? "",
      url: message.url ?? "",
      version: message.httpVersion,
      status: message.statusCode ?? 0,
      fields: message.rawHeaders,
      body: Buffer.concat(parts).toString("latin1"),
    }),
  );
}

const settled = <T>(start: (done: (result: T) => void) => void): Promise<T> =>
  new Promise((resolve) => start(resolve));

/**
 * What node:http's server makes of the first request in `text`: the request, or its error's code.
 */
export function nodeRequest(text: string): Promise<Seen | string> {
  return settled((done) => {
    const server = http.createServer({ maxHeaderSize: 65_536 }, (request) =>
      collect(request, done),
    );
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
      done(error.code ?? error.message);
      socket.destroy();
    });
    const stream = connection(text);
    stream.on("close", () => done("closed"));
    server.emit("connection", stream);
  });
}

/** What node:http's client makes of the final response in `text`. */
export function nodeResponse(text: string, method: string): Promise<Seen | string> {
  return settled((done) => {
    const stream = connection(text);
    const request = http.request({
      method,
      maxHeaderSize: 65_536,
      createConnection: () => stream,
    });
    request.on("response", (response) => collect(response, done));
    request.on("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
    request.end();
  });
}
