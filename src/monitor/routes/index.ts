import type { Route } from "../route.ts";
import { connections } from "./connections.ts";
import { director } from "./director.ts";
import { events } from "./events.ts";
import { frontend } from "./frontend.ts";
import { healthz } from "./healthz.ts";
import { history } from "./history.ts";
import { livez } from "./livez.ts";
import { maps } from "./maps.ts";
import { metrics } from "./metrics.ts";
import { front, page } from "./page.ts";
import { readyz } from "./readyz.ts";
import { reload } from "./reload.ts";
import { server } from "./server.ts";
import { status } from "./status.ts";
import { stop } from "./stop.ts";
import { stream } from "./stream.ts";
import { sync } from "./sync.ts";
import { trace } from "./trace.ts";
import { upgrade } from "./upgrade.ts";

/** Every route; of two that match, the first. */
export const routes: readonly Route[] = [
  front,
  status,
  history,
  events,
  director,
  connections,
  maps,
  sync,
  trace,
  stream,
  reload,
  upgrade,
  stop,
  server,
  frontend,
  metrics,
  livez,
  readyz,
  healthz,
  page,
];
