import { check, warning } from "../check.ts";
import { ownAddresses } from "../overview.ts";

export const tunnelEnds = check({
  name: "tunnel-ends",
  of: "node",
  summary: "tunnels may end at every address this machine has now",
  look: (facts) => {
    const { tunnel, vips } = facts.node!;
    if (!tunnel) return [];
    const now = ownAddresses(
      facts,
      vips.map(({ address }) => address),
    );
    return now
      .filter((address) => !tunnel.own.includes(address))
      .map((address) =>
        warning(
          `${address} came to this machine after it joined: tunnels to it are not taken`,
          "weir node join tun, as before",
        ),
      );
  },
});
