import { createServer } from "node:net";

/**
 * Below the range from which the kernel takes ports of outgoing connections, so none takes ours.
 */
const FIRST = 20_000;
const LAST = 32_000;

/** Processes of one test run begin at different places. */
let next = FIRST + ((process.pid * 37) % (LAST - FIRST));

/**
 * A TCP port of 127.0.0.1 on which nobody listens now. For programs that must be told a port;
 * whoever can listen on port 0 should.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = next;
    next = next + 1 < LAST ? next + 1 : FIRST;
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () =>
      server.close(() => resolve(true)),
    );
  });
}
