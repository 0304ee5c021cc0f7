import { runInNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { until } from "#kit/until.ts";
import { startWeir } from "#kit/weir.ts";
import { type Net, PLACE, VIP } from "./net.ts";
import { BULK, WEB } from "./servers.ts";

/** How the client's packets come to a server. */
export interface Way {
  readonly name: string;
  /** Where the client turns to. */
  readonly host: string;
  readonly web: number;
  readonly bulk: number;
  /** Puts it in place for a turn; what is returned takes it away again. */
  readonly enter?: () => () => void;
}

export const direct = ({ servers }: Net): Way => ({
  name: "direct",
  host: servers[PLACE.straight]!.host,
  web: WEB[0],
  bulk: BULK,
});

/** No balancer, but a machine between: it routes, as one does through which answers come back. */
export const router = ({ servers }: Net): Way => ({
  name: "router",
  host: servers[PLACE.rivals]!.host,
  web: WEB[0],
  bulk: BULK,
});

/** Ports of services that change it; DR and tunnels keep what came. */
const PORT = { nat: 81, natBulk: 82, fullnat: 83, fullnatBulk: 84 };

/**
 * Services for the two kinds of servers. NAT and FULLNAT go to ports of their own: behind one port,
 * both would have to remember more.
 */
function configuration({ lan, servers }: Net): string {
  const [routed, straight] = servers;
  const service = (name: string, bind: string, method: string, backend: string): string =>
    `  ${name}: { bind: "${bind}", method: ${method}, backend: ${backend} }`;
  const backend = (name: string, host: string, port: number): string =>
    `  ${name}: { check: off, servers: { a: "${host}:${port}" } }`;
  return `
director:
  interfaces: ${lan.device}
  pins: ${lan.pins}
  localAddresses: [10.2.0.1]
services:
${service("dr", `${VIP.weir}:${WEB[0]}`, "dr", "straight")}
${service("dr-bulk", `${VIP.weir}:${BULK}`, "dr", "straight-bulk")}
${service("tun", `${VIP.tunnel}:${WEB[0]}`, "tun", "straight")}
${service("tun-bulk", `${VIP.tunnel}:${BULK}`, "tun", "straight-bulk")}
${service("nat", `${VIP.weir}:${PORT.nat}`, "nat", "routed")}
${service("nat-bulk", `${VIP.weir}:${PORT.natBulk}`, "nat", "routed-bulk")}
${service("fullnat", `${VIP.weir}:${PORT.fullnat}`, "fullnat", "routed-2")}
backends:
${backend("straight", straight!.host, WEB[0])}
${backend("straight-bulk", straight!.host, BULK)}
${backend("routed", routed!.host, WEB[0])}
${backend("routed-2", routed!.host, WEB[1])}
${backend("routed-bulk", routed!.host, BULK)}
`;
}

/** A weir on the director, and the ways through it. */
export async function startWeirWays(owner: Owner, net: Net): Promise<Way[]> {
  await startWeir(owner, () => configuration(net), { netns: net.director, ports: [] });
  return [
    { name: "DR", host: VIP.weir, web: WEB[0], bulk: BULK },
    { name: "NAT", host: VIP.weir, web: PORT.nat, bulk: PORT.natBulk },
    { name: "TUN", host: VIP.tunnel, web: WEB[0], bulk: BULK },
    { name: "FULLNAT", host: VIP.weir, web: PORT.fullnat, bulk: 0 },
  ];
}

/** Waits until the client has an answer by that way. */
export async function answers({ client }: Net, way: Way): Promise<void> {
  const leave = way.enter?.();
  const curl = [
    "curl",
    "-sfo",
    "/dev/null",
    "-m",
    "2",
    `http://${way.host}:${way.web}/1k`,
  ] as const;
  try {
    await until(`an answer by ${way.name}`, () => {
      try {
        runInNetns(client, ...curl);
        return true;
      } catch {
        return false;
      }
    });
  } finally {
    leave?.();
  }
}
