import { effective, WANTED_ANNOUNCE } from "../arp.ts";
import { check, problem } from "../check.ts";
import { speakers } from "../speakers.ts";

export const arpAnnounce = check({
  name: "arp-announce",
  of: "node",
  summary: "ARP does not name a service's address as the asker's",
  look: (facts) =>
    speakers(facts).flatMap((device) => {
      const value = effective(facts.sysctl, device, "arp_announce");
      if (value >= WANTED_ANNOUNCE) return [];
      return problem(
        `${device} asks in the name of a service's address when it answers clients (arp_announce is ` +
          `${value}, the larger of all and ${device}): neighbours learn that the address is here`,
        `sysctl net.ipv4.conf.all.arp_announce=${WANTED_ANNOUNCE}`,
      );
    }),
});
