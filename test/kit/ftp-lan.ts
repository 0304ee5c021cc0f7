import assert from "node:assert/strict";
import { startFtp } from "./ftp.ts";
import { type Lan, VIP } from "./lan.ts";
import { NAMES } from "./lan-services.ts";
import { type Followed, follow } from "./manual.ts";
import { runInNetns } from "./netns.ts";
import type { Owner } from "./owner.ts";

/* What the manual says of services by mark, whose example is FTP. */

export const MARKS = "Services by mark";

/** Servers of FTP, their network, and a director that waits for marks. */
export const followMarks = (t: Owner, device = "eth0"): Promise<Followed> =>
  follow(
    t,
    MARKS,
    async (lan) => {
      if (device !== "eth0") putBelow(lan, device);
      const ports = lan.servers.map((_, i) => 20_000 + 300 * i);
      await Promise.all(lan.servers.map((netns, i) => startFtp(t, netns, NAMES[i]!, ports[i]!)));
    },
    (yaml) => yaml.replace("interfaces: eth0", `interfaces: ${device}`),
  );

/** The director's interface is a port of a bridge from now on, which has its addresses. */
function putBelow({ director, device }: Lan, bridge: string): void {
  runInNetns(
    director,
    "sh",
    "-ec",
    `
    ip link add ${bridge} type bridge
    echo 0 > /proc/sys/net/ipv6/conf/${bridge}/accept_dad
    ip link set ${bridge} address $(cat /sys/class/net/${device}/address) || true
    ip address flush dev ${device}
    ip link set ${device} master ${bridge}
    ip link set ${bridge} up
    ip address add 10.1.0.1/24 dev ${bridge}
    ip address add 10.2.0.1/24 dev ${bridge}
    ip address add ${VIP[4]}/32 dev ${bridge}`,
  );
}

/** A mark leads clients to servers: to one of them, for commands and data. */
export function seesFtp({ ask }: Followed): void {
  const [first, ...others] = [1, 2, 3, 4].map(ask);
  assert.match(first!, /^[ab]\n$/);
  for (const text of others) assert.equal(text, first);
}
