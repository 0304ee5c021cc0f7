import { duration, optional } from "#schema/index.ts";

export const frontendTimeoutFields = {
  request: duration({
    help: "For the whole head of a request, from its first byte, and for the first byte from accept",
    min: 1,
    fallback: 10_000,
  }),
  keepAlive: duration({
    help: "Between two requests of a client on one connection",
    fallback: 60_000,
  }),
  client: duration({
    help: "Longest silence of a client while a body or an answer is on its way; one that moves less than 500 bytes a second has no longer in all",
    min: 1,
    fallback: 30_000,
  }),
};

export const backendTimeoutFields = {
  connect: duration({
    help: "For a server to accept a connection",
    min: 1,
    fallback: 5_000,
  }),
  server: duration({
    help: "Longest silence of a server, before its answer or in it",
    min: 1,
    fallback: 60_000,
  }),
  queue: optional(
    duration({
      help: "Longest wait for a server that has room; absent: as long as `connect`",
      min: 1,
    }),
  ),
  tunnel: duration({
    help: "Longest silence of both sides of an upgraded connection, such as a WebSocket",
    min: 1,
    fallback: 3_600_000,
  }),
};
