import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

export interface Origin {
  readonly port: number;
  /** Requests begun so far. */
  readonly requests: number;
}

const HELLO = "hello from the origin\n";

/**
 * A plain HTTP server of the test's own process, to stand behind a balancer. Ends with the test.
 */
export async function startOrigin(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void = (_, response) =>
    void response.end(HELLO),
): Promise<Origin> {
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    answer(request, response);
  });
  server.keepAliveTimeout = 120_000;
  // What asks for an upgrade gets one, and then its own bytes back.
  server.on("upgrade", (_, socket) => {
    socket.on("error", () => {});
    socket.write(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n",
    );
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    get requests() {
      return requests;
    },
  };
}
