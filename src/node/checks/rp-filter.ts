import { formatIp } from "#base/ip.ts";
import { effective, RP_LOOSE, RP_STRICT } from "../arp.ts";
import { check, type Finding, problem, warning } from "../check.ts";
import { clientsOf } from "../clients.ts";
import type { Facts } from "../facts.ts";
import { isV4 } from "../forms.ts";

export const rpFilter = check({
  name: "rp-filter",
  of: "node",
  summary: "packets of clients are not dropped because answers leave by another interface",
  look: (facts) => {
    const { tunnel, vips } = facts.node!;
    const own = vips.filter(({ address }) => isV4(address));
    if (own.length === 0) return [];
    const tunnels = tunnel?.devices ?? [];
    const found = tunnels.flatMap((device): Finding[] => {
      const way = otherWay(facts, device);
      if (way === undefined) return [];
      const text = `${device} drops clients' packets out of tunnels: answers leave by ${way}, and`;
      return [problem(`${text} ${strict(device)}`, remedy(device))];
    });
    if (own.every((vip) => vip.tunnel)) return found;
    // With dr it may be any of them that the director is at.
    const wires = devicesWithV4(facts).filter((device) => !tunnels.includes(device));
    return [
      ...found,
      ...wires.flatMap((device) => {
        const way = otherWay(facts, device);
        if (way === undefined) return [];
        const text = `${device} drops clients' packets if the director sends them there: answers leave`;
        return warning(`${text} by ${way}, and ${strict(device)}`, remedy(device));
      }),
    ];
  },
});

/** Where answers to some client leave, when that is another interface than a strict one. */
function otherWay(facts: Facts, device: string): string | undefined {
  if (effective(facts.sysctl, device, "rp_filter") !== RP_STRICT) return undefined;
  return clientsOf(facts)
    .filter(isV4)
    .map((client) => facts.way(client)?.device)
    .find((way) => way !== undefined && way !== device);
}

/** Ethernet interfaces that are up and have an address of IPv4. */
function devicesWithV4({ interfaces, addresses }: Facts): string[] {
  const numbers = new Set(
    addresses.filter(({ address }) => isV4(formatIp(address))).map((one) => one.interface),
  );
  return interfaces
    .filter(({ index, isEthernet, isUp }) => isEthernet && isUp && numbers.has(index))
    .map(({ name }) => name);
}

const strict = (device: string): string => `rp_filter is strict (the larger of all and ${device})`;

const remedy = (device: string): string =>
  `sysctl net.ipv4.conf.${device.replaceAll(".", "/")}.rp_filter=${RP_LOOSE}`;
