import { METHOD } from "./director-numbers.ts";
import type { BackendPlan, ForwardingMethod, ServerPlan, ServicePlan, TunnelPlan } from "./plan.ts";

/** How packets of a service get to a server of it. */
export interface Forwarding {
  readonly method: ForwardingMethod;
  /** Of method tun, else undefined. */
  readonly tunnel: TunnelPlan | undefined;
}

/** What a server may say of itself. */
export type OwnForwarding = Pick<ServerPlan, "method" | "tunnel">;

/** Methods as the programs in the kernel know them. */
export const METHOD_NUMBERS = {
  nat: METHOD.NAT,
  dr: METHOD.DR,
  tun: METHOD.TUN,
  fullnat: METHOD.FULLNAT,
  local: METHOD.LOCAL,
  bypass: METHOD.BYPASS,
} as const satisfies Record<ForwardingMethod, number>;

const NAMES = new Map<number, ForwardingMethod>(
  Object.entries(METHOD_NUMBERS).map(([name, number]) => [number, name as ForwardingMethod]),
);

/** The method of a row; undefined: there is none of that number. */
export const methodNamed = (number: number): ForwardingMethod | undefined => NAMES.get(number);

const PLAIN: TunnelPlan = { type: "ipip", port: 0 };

/** What a server says of itself comes first. */
export function forwardingOf(
  service: Pick<ServicePlan, "method" | "tunnel">,
  server: OwnForwarding,
): Forwarding {
  const method = server.method ?? service.method;
  const tunnel = method === "tun" ? (server.tunnel ?? service.tunnel ?? PLAIN) : undefined;
  return { method, tunnel };
}

/** Every method by which packets of a service get to its servers. */
export const methodsOf = (
  service: Pick<ServicePlan, "method" | "tunnel" | "backend">,
  backends: readonly BackendPlan[],
): ReadonlySet<ForwardingMethod> =>
  new Set(backends[service.backend]!.servers.map((server) => forwardingOf(service, server).method));

/** Replies come back this way, and leave as the service's. */
export const translates = (method: ForwardingMethod): boolean =>
  method === "nat" || method === "fullnat";
