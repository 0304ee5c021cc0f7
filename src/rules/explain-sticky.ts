import { latin1, textOf } from "#base/bytes.ts";
import type { BackendPlan, ServerPlan } from "#plan/plan.ts";
import { CookieScan, nextCookie } from "./cookies.ts";
import type { RequestView } from "./types.ts";

/** The server that a persistence cookie of the request asks for. */
export interface Sticky {
  readonly cookie: string;
  readonly value: string;
  /** undefined: it names none of the backend's. */
  readonly server: string | undefined;
  /**
   * keeps: the client comes to that server. picks: the scheduler chooses, as without a cookie.
   * fails: the server is in maint and the backend has `redispatch: false`, so the answer is 503.
   */
  readonly effect: "keeps" | "picks" | "fails";
}

/**
 * What the proxy makes of the request's cookie when all servers are up. Only maint takes a server
 * from the clients it has; drain, a weight of 0 and `backup` keep new ones from it.
 */
export function stickyOf(backend: BackendPlan, view: RequestView): Sticky | undefined {
  const { cookie } = backend;
  if (!cookie) return undefined;
  const scan = new CookieScan();
  const found: Sticky[] = [];
  while (nextCookie(view.bytes, view.head, latin1(cookie.name), scan)) {
    const value = textOf(view.bytes, scan.valueStart, scan.valueEnd);
    const server = named(value, backend);
    const effect = effectOf(server, backend);
    found.push({ cookie: cookie.name, value, server: server?.name, effect });
  }
  return found.find(({ server }) => server !== undefined) ?? found[0];
}

/** In prefix mode the value up to the first `~` that ends the value of a server. */
function named(value: string, { cookie, servers }: BackendPlan): ServerPlan | undefined {
  const owned = servers.filter((server) => server.cookie !== "");
  if (cookie!.mode !== "prefix") return owned.find((server) => server.cookie === value);
  return owned
    .filter((server) => value.startsWith(`${server.cookie}~`))
    .sort((a, b) => a.cookie.length - b.cookie.length)[0];
}

function effectOf(server: ServerPlan | undefined, { redispatch }: BackendPlan): Sticky["effect"] {
  if (server === undefined) return "picks";
  if (server.admin !== "maint") return "keeps";
  return redispatch ? "picks" : "fails";
}
