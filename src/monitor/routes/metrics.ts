import { writeMetrics } from "../metrics/metrics.ts";
import { readMetricsQuery } from "../metrics/query.ts";
import { type Route, refuse } from "../route.ts";

export const metrics: Route = {
  method: "GET",
  path: "/metrics",
  summary: "for Prometheus; ?scope=engine|worker|frontend|backend|server|service, ?no-maint",
  run({ query, accept }, { api }) {
    const wanted = readMetricsQuery(query);
    if (typeof wanted === "string") return refuse("USAGE", wanted);
    return { status: 200, ...writeMetrics(api, wanted, accept) };
  },
};
