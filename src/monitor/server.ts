import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Timers } from "#base/clock.ts";
import { WeirError } from "#base/errors.ts";
import type { ControlApi, MonitorListeners, MonitorServer } from "#control/api.ts";
import { readJson } from "./body.ts";
import { type Door, guard, SECURITY_HEADERS } from "./guard.ts";
import { type Call, json, type Monitor, type Reply, refuse, type Streamed } from "./route.ts";
import { createRouter } from "./router.ts";
import { routes } from "./routes/index.ts";
import { Sampler } from "./sampler.ts";
import { readStaticFiles } from "./static-files.ts";
import { statusDocument } from "./status.ts";
import { Stream } from "./stream.ts";

/** Limits of a server that talks to a few people and programs, not to the world. */
const LIMITS = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 5_000,
  requestTimeout: 10_000,
  keepAliveTimeout: 15_000,
  connectionsCheckingInterval: 1_000,
} as const;
const MAX_CONNECTIONS = 256;
const SAMPLE_MS = 1000;
/** How long a server that closes waits for answers under way. */
const LAST_ANSWERS_MS = 1000;

const route = createRouter(routes);

async function answer(
  monitor: Monitor,
  door: Door,
  request: IncomingMessage,
): Promise<Reply | Streamed> {
  const refusal = guard(door, request.method, request.headers);
  if (refusal) return refusal;
  const [path = "", query = ""] = (request.url ?? "").split("?", 2);
  const found = route(request.method ?? "", path);
  if (!found) return json({ code: "USAGE", message: "there is nothing here" }, 404);
  if ("allow" in found) {
    return json({ code: "USAGE", message: `ask with ${found.allow.join(" or ")}` }, 405);
  }
  if (found.route.adminOnly && door !== "admin") {
    return refuse("NOT_PERMITTED", "this is told on the admin socket alone");
  }
  const call: Call = {
    query: new URLSearchParams(query),
    params: found.params,
    body: request.method === "POST" ? await readJson(request) : undefined,
    accept: request.headers.accept ?? "",
  };
  return found.route.run(call, monitor);
}

/**
 * What an exception says to the outside: a WeirError itself, anything else only that it happened.
 */
function replyTo(error: unknown): Reply {
  return error instanceof WeirError
    ? refuse(error.code, error.message, error.details)
    : refuse("INTERNAL", "the request failed");
}

async function handle(
  monitor: Monitor,
  door: Door,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
  const reply = await answer(monitor, door, request).catch(replyTo);
  if (typeof reply === "function") {
    reply(response);
    return;
  }
  const bytes = Buffer.from(reply.body);
  response.writeHead(reply.status, { "content-type": reply.type, "content-length": bytes.length });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

/** A server on one listening descriptor, which is its own from now on. */
function serve(monitor: Monitor, door: Door, fd: number): Server {
  const server = createServer(LIMITS, (request, response) => {
    handle(monitor, door, request, response).catch(() => response.destroy());
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.on("clientError", (_error, socket) => {
    if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
    else socket.destroy();
  });
  // A descriptor that cannot be served is no reason for the engine to fall.
  server.on("error", () => {});
  server.listen({ fd });
  return server;
}

/** Accepts no more; answers under way may end, but not take for ever. */
function close(server: Server, timers: Timers): Promise<void> {
  return new Promise((resolve) => {
    const cancel = timers.after(LAST_ANSWERS_MS, () => server.closeAllConnections());
    server.close(() => {
      cancel();
      resolve();
    });
  });
}

/** The HTTP servers of one engine; a StartMonitor. */
export async function startMonitor(
  api: ControlApi,
  listeners: MonitorListeners,
): Promise<MonitorServer> {
  const sampler = new Sampler(api.board, api.timers);
  const stream = new Stream(() => statusDocument(api, sampler));
  const files = readStaticFiles(new URL("./web/", import.meta.url));
  const monitor: Monitor = { api, sampler, stream, files };
  const open = new Map<Door, { readonly fd: number; readonly server: Server }>();

  let nextMs = api.timers.monotonicMs();
  const sample = (): void => {
    sampler.sample(api.plan());
    stream.tick();
    // Later readings are due on the second, however late this one came.
    const nowMs = api.timers.monotonicMs();
    nextMs = Math.max(nextMs + SAMPLE_MS, nowMs);
    cancelSample = api.timers.after(nextMs - nowMs, sample);
  };
  let cancelSample = (): void => {};
  const cancelEvents = api.subscribe((event) => stream.tell(event));

  const update = (wanted: MonitorListeners): void => {
    for (const door of ["admin", "page"] as const) {
      const now = open.get(door);
      const fd = wanted[door];
      if (now?.fd === fd) continue;
      open.delete(door);
      if (now) void close(now.server, api.timers);
      if (fd !== undefined) open.set(door, { fd, server: serve(monitor, door, fd) });
    }
  };
  sample();
  update(listeners);
  return {
    update,
    async close() {
      cancelSample();
      cancelEvents();
      stream.close();
      await Promise.all([...open.values()].map(({ server }) => close(server, api.timers)));
    },
  };
}
