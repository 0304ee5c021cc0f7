import { json, type Route } from "../route.ts";
import { statusDocument } from "../status.ts";

export const status: Route = {
  method: "GET",
  path: "/api/v1/status",
  summary: "everything there is to say now",
  run: (_call, { api, sampler }) => json(statusDocument(api, sampler)),
};
