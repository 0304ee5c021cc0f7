import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemTimers } from "#io/clock.ts";
import { htmlPage, textPage } from "./page.ts";

/*
 * One small server of the demo, in a process of its own: `node server.ts NAME COLOUR PORT`. It
 * tells its parent the port it got (0 asks for any), and ends with it.
 *
 *     /          who answered, as HTML for browsers and as a line for curl
 *     /slow      the same after two seconds
 *     /health    what the balancer's checks ask for
 *     POST /stop ends the process
 */
const [, , name = "?", colour = "gray", port = "0"] = process.argv;
const SLOW_MS = 2000;
let answered = 0;

function answer(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? "/";
  if (path === "/health") {
    response.end("well\n");
    return;
  }
  if (path === "/stop" && request.method === "POST") {
    response.setHeader("connection", "close");
    response.end(`server ${name} stops\n`, () => process.exit(0));
    return;
  }
  if (path.startsWith("/slow")) systemTimers.after(SLOW_MS, () => show(request, response));
  else show(request, response);
}

function show(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? "/";
  const card = { name, colour, answered: ++answered, path };
  const html = request.headers.accept?.includes("text/html") ?? false;
  response.setHeader("content-type", `text/${html ? "html" : "plain"}; charset=utf-8`);
  response.setHeader("x-server", name);
  response.end(html ? htmlPage(card) : textPage(card));
}

// Ctrl-C reaches the whole group; who starts us ends us when requests have ended.
process.on("SIGINT", () => {});
process.on("disconnect", () => process.exit(0));

const server = createServer(answer);
// Longer than the balancer keeps idle connections, so that it is never the server that closes one.
server.keepAliveTimeout = 120_000;
server.on("error", (error) => process.send!({ failed: error.message }));
server.listen(Number(port), "127.0.0.1", () => {
  process.send!({ port: (server.address() as AddressInfo).port });
});
