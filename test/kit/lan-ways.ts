import assert from "node:assert/strict";
import type { DirectorView } from "#control/api.ts";
import { createLan, type Family, type Lan, VIP } from "./lan.ts";
import { SERVER_PORT, type Way } from "./lan-services.ts";
import { runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { nodePlace, weirIn } from "./tunnel-lan.ts";
import type { Weir } from "./weir.ts";

/** How packets get to servers, with what that needs. */
export interface Road extends Way {
  readonly tunnel?: "ipip" | "gue" | "gre";
  /** Of the address that servers are spoken to at, where it is not the service's. */
  readonly outer?: Family;
}

export const NAT: Road = { method: "nat", port: 80 };
export const DR: Road = { method: "dr", port: SERVER_PORT };
export const FULLNAT: Road = { method: "fullnat", port: 80 };
export const TUN: Road = { method: "tun", port: SERVER_PORT, tunnel: "ipip" };
export const GUE: Road = { ...TUN, tunnel: "gue" };
export const GRE: Road = { ...TUN, tunnel: "gre" };
export const GUE6: Road = { ...GUE, outer: 6 };
export const LOCAL: Road = { method: "local", port: SERVER_PORT };
/** Its services have the address of the first server. */
export const BYPASS: Road = { method: "bypass", port: SERVER_PORT };
/** All there are; tunnels over the family of what they carry, and over the other. */
export const ROADS: readonly Road[] = [
  ...[NAT, DR, FULLNAT, LOCAL, BYPASS],
  ...[TUN, GUE, GRE].flatMap(
    (road) =>
      [
        { ...road, outer: 4 },
        { ...road, outer: 6 },
      ] as const,
  ),
];

export const FAMILIES: readonly Family[] = [4, 6];

/** Every method to servers once, and both families. */
export const SOME_ROADS: readonly (readonly [Road, Family])[] = [
  [NAT, 4],
  [DR, 6],
  [TUN, 4],
  [FULLNAT, 6],
];

export const nameOfRoad = ({ method, tunnel, outer }: Road): string =>
  [method, tunnel, outer && `over IPv${outer}`].filter(Boolean).join(" ");

/** Of a service on that road. */
export const urlOf = ({ port }: Road, family: Family): string =>
  `http://${family === 4 ? VIP[4] : `[${VIP[6]}]`}:${port}/`;

/** More of a service, as YAML. */
export const serviceOf = ({ tunnel }: Road): string =>
  tunnel ? `, tunnel: { type: ${tunnel} }` : "";

/** A Lan whose servers are ready for packets that come this way. */
export function createLanFor(owner: Owner, road: Road, servers = 3): Lan {
  const lan = createLan(owner, road.method === "dr" ? "direct" : "director", servers);
  if (road.method === "tun") {
    for (const netns of lan.servers) {
      runProgram("ip", "-n", netns, "route", "add", "10.1.0.0/24", "dev", lan.device);
      runProgram("ip", "-n", netns, "-6", "route", "add", "fd01::/64", "dev", lan.device);
    }
    joinTunnels(owner, lan, road.tunnel!);
  }
  return lan;
}

/** Servers open tunnels and have the service's addresses. */
export function joinTunnels(owner: Owner, lan: Lan, type: string, ...more: string[]): void {
  const vips = Object.values(VIP).flatMap((vip) => ["--vip", vip]);
  const from = lan.locals.flatMap((address) => ["--from", address]);
  const words = ["node", "join", "tun", ...vips, "--type", type, ...from, ...more];
  for (const [i, netns] of lan.servers.entries()) {
    const { code, err } = weirIn(netns, ...words, ...nodePlace(owner, `${lan.pins}-${i}`));
    assert.equal(code, 0, err);
  }
}

/** The director as its API has it. */
export const viewOf = async (weir: Weir): Promise<DirectorView> =>
  (await weir.adminJson("/api/v1/director")) as DirectorView;
