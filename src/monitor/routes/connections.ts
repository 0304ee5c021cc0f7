import { CONNECTIONS } from "../limits.ts";
import { json, type Route, refuse } from "../route.ts";
import { type ConnectionsQuery, findConnections } from "../tracked.ts";

export const connections: Route = {
  method: "GET",
  path: "/api/v1/director/connections",
  summary: `connections that layer 4 tracks, ${CONNECTIONS.fallback} at most; ?limit= up to ${CONNECTIONS.max}, ?service= a name or an address, ?client= an address, ?templates=only those of persistence`,
  // Addresses of clients are no figures, and reading the table takes its time.
  adminOnly: true,
  run({ query }, { api }) {
    const limit = Number(query.get("limit") ?? CONNECTIONS.fallback);
    if (!Number.isInteger(limit) || limit < 1 || limit > CONNECTIONS.max) {
      return refuse("USAGE", `limit is a number from 1 to ${CONNECTIONS.max}`);
    }
    const wanted: ConnectionsQuery = {
      limit,
      most: CONNECTIONS.max,
      service: query.get("service") ?? undefined,
      client: query.get("client") ?? undefined,
      onlyTemplates: query.get("templates") === "only",
    };
    const found = findConnections(api, wanted);
    return typeof found === "string" ? refuse("USAGE", found) : json(found);
  },
};
