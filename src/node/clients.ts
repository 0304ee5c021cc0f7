import type { Facts } from "./facts.ts";
import { isV4 } from "./forms.ts";
import { anyClient } from "./overview.ts";

/** Clients to look at: those that were named, else one of each family that a service has. */
export function clientsOf({ node }: Facts): string[] {
  const { clients, vips } = node!;
  if (clients.length > 0) return [...clients];
  const families = new Set(vips.map(({ address }) => isV4(address)));
  return [...families].map((v4) => anyClient(!v4));
}
