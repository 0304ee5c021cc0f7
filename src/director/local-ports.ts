import { parseIp } from "#base/ip.ts";
import { ephemeralPorts, type PortRange } from "#io/ephemeral-ports.ts";
import type { Netlink } from "#io/netlink.ts";
import { findRoutes } from "#io/routes.ts";
import { LOCAL_PORT } from "#plan/director-numbers.ts";
import type { DirectorPlan } from "#plan/plan.ts";
import type { LocalPorts } from "./rows.ts";

/** Below that the rest is too little to leave the others to sockets. */
const LEAST = 4096;
const ALL = 65_536 - LOCAL_PORT.FIRST;

/** From LOCAL_PORT.FIRST on, none left out. */
export const ALL_PORTS: LocalPorts = { count: ALL, keptFirst: 65_536, kept: 0 };

/** All ports but those, where enough of them are left. */
export function portsBeside(range: PortRange | undefined): LocalPorts {
  if (!range || range.last < LOCAL_PORT.FIRST) return ALL_PORTS;
  const keptFirst = Math.max(range.first, LOCAL_PORT.FIRST);
  const kept = range.last - keptFirst + 1;
  return ALL - kept < LEAST ? ALL_PORTS : { count: ALL - kept, keptFirst, kept };
}

/**
 * The ports of local addresses that flows may have. Sockets of this machine speak from its
 * addresses too, and the kernel knows nothing of our flows: what it may give away is left to it.
 */
export function findLocalPorts(netlink: Netlink, director: DirectorPlan): LocalPorts {
  if (director.localPorts === "all") return ALL_PORTS;
  const addresses = director.localAddresses.map((host) => parseIp(host)!);
  const isOwn = findRoutes(netlink, addresses).some((route) => route?.local);
  return isOwn ? portsBeside(ephemeralPorts()) : ALL_PORTS;
}
