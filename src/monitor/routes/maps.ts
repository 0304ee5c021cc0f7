import type { TablesDocument } from "../document.ts";
import { json, type Route } from "../route.ts";

export const maps: Route = {
  method: "GET",
  path: "/api/v1/director/maps",
  summary: "layer 4's tables in the kernel: kind, rows in use, memory",
  // All of them are read for it.
  adminOnly: true,
  run: (_call, { api }) => json({ tables: api.tables() } satisfies TablesDocument),
};
