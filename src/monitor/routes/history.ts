import { json, type Route } from "../route.ts";

export const history: Route = {
  method: "GET",
  path: "/api/v1/history",
  summary: "the last 15 minutes of traffic, a value a second",
  run: (_call, { sampler }) => json(sampler.history.document()),
};
