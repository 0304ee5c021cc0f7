import { check, type Finding, warning } from "../check.ts";

/** Lengths of tunnels' headers have 16 bits; with what they add, a packet must stay below. */
const MERGED_MOST = 65_536;

export const merging = check({
  name: "merging",
  of: "both",
  summary: "how interfaces merge what they receive does not stand in the way",
  look: (facts) => {
    const tunnels = facts.node?.tunnel?.devices ?? [];
    const directed = facts.director?.interfaces.map(({ device }) => device) ?? [];
    const services = facts.director?.services ?? [];
    const hasTunnels = services.some(({ methods }) => methods.includes("tun"));
    return [...new Set([...tunnels, ...directed])].flatMap((device) => {
      const found: Finding[] = [];
      const how = facts.merging(device);
      const known = facts.interfaces.find(({ name }) => name === device);
      if (how?.lro) {
        const text = `the card of ${device} merges packets (LRO) so that they cannot be cut up again`;
        found.push(warning(text, `ethtool -K ${device} lro off`));
      }
      // What comes through a veth has often never been cut up; it is off there from the start.
      if (how && !how.gro && known?.kind !== "veth") {
        const text = `${device} does not merge packets (GRO is off): each goes through the programs alone`;
        found.push(warning(text, `ethtool -K ${device} gro on`));
      }
      const bytes = known?.mergedBytes ?? 0;
      if (hasTunnels && directed.includes(device) && bytes > MERGED_MOST) {
        found.push(
          warning(
            `${device} merges up to ${bytes} bytes (BIG TCP): more than a tunnel's header can tell`,
            `ip link set ${device} gro_max_size ${MERGED_MOST} gro_ipv4_max_size ${MERGED_MOST}`,
          ),
        );
      }
      return found;
    });
  },
});
