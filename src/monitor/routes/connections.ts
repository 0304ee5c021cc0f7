import { json, type Route, refuse } from "../route.ts";
import { type ConnectionsQuery, findConnections } from "../tracked.ts";

const FEW = 1000;
const MOST = 100_000;

export const connections: Route = {
  method: "GET",
  path: "/api/v1/director/connections",
  summary: `connections that layer 4 tracks, ${FEW} at most; ?limit= up to ${MOST}, ?service= a name or an address, ?client= an address, ?templates=only those of persistence`,
  // Addresses of clients are no figures, and reading the table takes its time.
  adminOnly: true,
  run({ query }, { api }) {
    const limit = Number(query.get("limit") ?? FEW);
    if (!Number.isInteger(limit) || limit < 1 || limit > MOST) {
      return refuse("USAGE", `limit is a number from 1 to ${MOST}`);
    }
    const wanted: ConnectionsQuery = {
      limit,
      most: MOST,
      service: query.get("service") ?? undefined,
      client: query.get("client") ?? undefined,
      onlyTemplates: query.get("templates") === "only",
    };
    const found = findConnections(api, wanted);
    return typeof found === "string" ? refuse("USAGE", found) : json(found);
  },
};
