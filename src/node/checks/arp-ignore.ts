import { effective, isSilent, WANTED_IGNORE } from "../arp.ts";
import { check, problem } from "../check.ts";
import { speakers } from "../speakers.ts";

export const arpIgnore = check({
  name: "arp-ignore",
  of: "node",
  summary: "ARP does not tell that a service's address is here",
  look: (facts) =>
    speakers(facts).flatMap((device) => {
      const value = effective(facts.sysctl, device, "arp_ignore");
      if (isSilent(value)) return [];
      return problem(
        `${device} answers ARP for addresses on lo (arp_ignore is ${value}, the larger of all and ` +
          `${device}): clients come here past the director`,
        `sysctl net.ipv4.conf.all.arp_ignore=${WANTED_IGNORE}${value > 2 ? `, and no more than 2 for ${device}` : ""}`,
      );
    }),
});
