import { check, type Finding, problem, warning } from "../check.ts";
import type { Facts } from "../facts.ts";
import { isV4, segmentBytes, tunnelBytes } from "../forms.ts";

/** What a packet of IPv6 may always have (RFC 8200 section 5). */
const LEAST_V6 = 1280;

export const tunnelMtu = check({
  name: "tunnel-mtu",
  of: "node",
  summary: "what clients send fits the tunnels' interfaces",
  look: (facts) => (facts.node!.tunnel?.devices ?? []).flatMap((device) => look(facts, device)),
});

function look({ interfaces, node }: Facts, device: string): Finding[] {
  const found = interfaces.find(({ name }) => name === device);
  if (!found) return [];
  const { forms, own, mss4, mss6 } = node!.tunnel!;
  const over = tunnelBytes(
    forms,
    own.some((address) => !isV4(address)),
  );
  const tunnelled = node!.vips.filter(({ tunnel }) => tunnel);
  const findings: Finding[] = [];
  for (const v4 of new Set(tunnelled.map(({ address }) => isV4(address)))) {
    const room = segmentBytes(found.mtu - over, v4);
    const asked = v4 ? mss4 : mss6;
    if (asked <= room) continue;
    findings.push(
      problem(
        `${device} has an MTU of ${found.mtu}: in a tunnel (${over} bytes) TCP segments of ${room} fit, ` +
          `and clients are asked for ${asked}: large uploads stall`,
        `ip link set ${device} mtu ${found.mtu + asked - room}, or weir node join tun again`,
      ),
    );
  }
  if (found.mtu - over < LEAST_V6 && tunnelled.some(({ address }) => !isV4(address))) {
    findings.push(
      warning(
        `${device} has an MTU of ${found.mtu}: ${found.mtu - over} bytes in a tunnel are less than the ` +
          `${LEAST_V6} that IPv6 relies on`,
        `ip link set ${device} mtu ${LEAST_V6 + over}`,
      ),
    );
  }
  return findings;
}
