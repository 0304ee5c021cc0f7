import { type Route, refuse } from "../route.ts";

export const stream: Route = {
  method: "GET",
  path: "/api/v1/stream",
  summary: "server-sent events: status, then a delta every second, and events",
  run: (_call, monitor) =>
    monitor.stream.full
      ? refuse("RESOURCE_EXHAUSTED", "too many pages watch already")
      : (response) => monitor.stream.watch(response),
};
