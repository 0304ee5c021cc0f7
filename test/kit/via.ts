import assert from "node:assert/strict";
import { type Asked, askFrom, type Family, type Lan, VIP } from "./lan.ts";
import { NAMES, SERVER_PORT } from "./lan-services.ts";
import { FAMILIES } from "./lan-ways.ts";
import { runProgram } from "./netns.ts";
import type { Owner } from "./owner.ts";
import { nodePlace, weirIn } from "./tunnel-lan.ts";
import { until } from "./until.ts";
import type { Weir } from "./weir.ts";

/* Servers whose checks go the way of packets, and what becomes of them. */

export interface Node {
  readonly netns: string;
  readonly join: () => void;
  readonly leave: () => void;
}

/** Servers as weir node makes them; they answer clients on the wire, past the director. */
export function nodesOf(owner: Owner, lan: Lan, method: "dr" | "tun", ...words: string[]): Node[] {
  return lan.servers.map((netns, i) => {
    runProgram("ip", "-n", netns, "route", "add", "10.1.0.0/24", "dev", lan.device);
    runProgram("ip", "-n", netns, "-6", "route", "add", "fd01::/64", "dev", lan.device);
    const place = nodePlace(owner, `${lan.pins}-${i}`);
    const vips = Object.values(VIP).flatMap((vip) => ["--vip", vip]);
    const run = (...more: readonly string[]): void => {
      const { code, err } = weirIn(netns, "node", ...more, ...place);
      assert.equal(code, 0, err);
    };
    const node = {
      netns,
      join: () => run("join", method, ...vips, ...words),
      leave: () => run("leave"),
    };
    node.join();
    return node;
  });
}

/** A backend's check, as YAML, for `configurationOf`. */
export const checkBy = (type: string): string =>
  `{ type: ${type}${type === "udp" ? ", send: who" : ""}, via: vFAMILY, interval: 100ms, timeout: 1s, rise: 1, fall: 2 }`;

/** Who answers clients, soon: what checks say is in the kernel a moment later. */
export async function answering(
  lan: Lan,
  family: Family,
  expected: readonly string[],
  protocol: Asked = "tcp",
): Promise<void> {
  await until(`${expected.join()} answer over IPv${family}`, () => {
    const answers = askFrom(lan.client, protocol, VIP[family], SERVER_PORT, 6);
    const names = new Set(answers.map((text) => text.split(" ")[0]!));
    return [...names].toSorted().join() === expected.join();
  });
}

interface Status {
  readonly backends: readonly {
    readonly servers: readonly { readonly health: string }[];
  }[];
}

/** The first check of every server is over, and it was good. */
export const allUp = (weir: Weir): Promise<void> =>
  until("every server is up", async () => {
    const { backends } = (await weir.adminJson("/api/v1/status")) as Status;
    return backends.flatMap(({ servers }) => servers).every(({ health }) => health === "up");
  });

/** The second server loses what it needs, and gets it again: checks see it, and clients. */
export async function loseAndRegain(
  lan: Lan,
  weir: Weir,
  node: Node,
  protocol: Asked = "tcp",
): Promise<void> {
  for (const family of FAMILIES) await answering(lan, family, NAMES, protocol);
  node.leave();
  for (const family of FAMILIES) {
    await weir.said(
      new RegExp(
        `Server v${family}/b is DOWN: .*no (connection|whole answer|answer|echo reply) in time`,
      ),
    );
    await answering(lan, family, ["a", "c"], protocol);
  }
  node.join();
  for (const family of FAMILIES) {
    await weir.said(new RegExp(`Server v${family}/b is UP`));
    await answering(lan, family, NAMES, protocol);
  }
}
