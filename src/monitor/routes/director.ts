import type { DirectorView } from "#control/api.ts";
import { json, type Route } from "../route.ts";

/** What is answered where layer 4 has nothing to do: the same shape, with the reason. */
const NO_SERVICE: DirectorView = {
  problem: "no service is configured",
  interfaces: [],
  connections: { count: 0, size: 0, wanted: 0 },
  incidents: undefined,
  services: [],
};

export const director: Route = {
  method: "GET",
  path: "/api/v1/director",
  summary: "layer 4: services, their servers, counts and rates",
  run: (_call, { api }) => json(api.director() ?? NO_SERVICE),
};
