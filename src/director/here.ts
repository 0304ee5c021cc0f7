import { formatIp, isLoopback } from "#base/ip.ts";
import type { ServicePlan } from "#plan/plan.ts";
import type { ServerFacts } from "./facts.ts";

/** A server on this machine that does not get what it should. */
export interface UnservedServer {
  readonly service: string;
  readonly server: string;
  readonly why: string;
}

/** Why a server on this machine lacks packets of a service that translates, or undefined. */
export function unserved(
  { name: service, synProxy }: Pick<ServicePlan, "name" | "synProxy">,
  { name: server, address }: Pick<ServerFacts, "name" | "address">,
): UnservedServer | undefined {
  if (address && isLoopback(address)) {
    const host = formatIp(address);
    return { service, server, why: `${host} is for this machine's own packets alone` };
  }
  if (synProxy === "off") return undefined;
  return { service, server, why: "on this machine nothing can begin with a SYN cookie" };
}
