import type { ControlApi } from "#control/api.ts";
import { writeBackends } from "./backends.ts";
import { writeEngine } from "./engine.ts";
import { createExposition, type Exposition } from "./exposition.ts";
import { writeFrontends } from "./frontends.ts";
import type { MetricsQuery, Scope } from "./query.ts";
import { writeServers } from "./servers.ts";
import { writeServices } from "./services.ts";
import { writeWorkers } from "./workers.ts";

type Writer = (api: ControlApi, out: Exposition, query: MetricsQuery) => void;

const WRITERS: Readonly<Record<Scope, Writer>> = {
  engine: writeEngine,
  worker: writeWorkers,
  frontend: writeFrontends,
  backend: writeBackends,
  server: writeServers,
  service: writeServices,
};

/** All metrics asked for, in the format the scraper accepts. */
export function writeMetrics(
  api: ControlApi,
  query: MetricsQuery,
  accept: string,
): { readonly type: string; readonly body: string } {
  const out = createExposition(accept);
  for (const scope of query.scopes) WRITERS[scope](api, out, query);
  return out.end();
}
