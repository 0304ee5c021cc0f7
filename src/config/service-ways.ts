import type { Server } from "./model/server.ts";
import type { Service } from "./model/service.ts";
import type { Path, Review } from "./review.ts";

export type Method = Service["method"];

/** A method by which packets of a service go, and where that is written. */
export interface Way {
  readonly method: Method;
  readonly at: Path;
  /** Who says so of itself; undefined: the service, for all that do not. */
  readonly server: string | undefined;
}

/** What a server says of itself comes first. */
export const methodTo = (service: Pick<Service, "method">, server: Pick<Server, "method">) =>
  server.method ?? service.method;

/**
 * The ways of a service's packets: its own, unless every server has another, and those of servers
 * that say so.
 */
export function waysOf(review: Review, name: string, service: Service): Way[] {
  const servers = [...(review.model.backends.get(service.backend)?.servers ?? [])];
  const own = servers.flatMap(([server, { method }]): Way[] =>
    method === undefined
      ? []
      : [{ method, at: ["backends", service.backend, "servers", server, "method"], server }],
  );
  if (own.length > 0 && own.length === servers.length) return own;
  return [{ method: service.method, at: ["services", name, "method"], server: undefined }, ...own];
}

/** In words: `nat or fullnat`. */
export const methodsIn = (ways: readonly Way[]): string =>
  [...new Set(ways.map(({ method }) => method))].join(" or ");

/** Who is meant, where a fault stands at a server: it may be behind several services. */
export const ofService = (name: string, { server }: Way): string =>
  server === undefined ? "" : ` (service ${name})`;
