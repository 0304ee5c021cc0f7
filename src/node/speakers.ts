import type { Facts } from "./facts.ts";
import { isV4 } from "./forms.ts";

/** Interfaces that ARP goes through now, if a service has an address of IPv4 at all. */
export const speakers = ({ node, interfaces }: Facts): string[] =>
  node!.vips.some(({ address }) => isV4(address))
    ? interfaces.filter(({ hasArp, isUp }) => hasArp && isUp).map(({ name }) => name)
    : [];
