import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { describe, test } from "node:test";
import { noBpf } from "#kit/bpf.ts";
import { askFrom, createLan, type Family, type Lan, VIP } from "#kit/lan.ts";
import {
  configurationOf,
  NAMES,
  SERVER_PORT,
  startDirector,
  startServers,
  type Way,
} from "#kit/lan-services.ts";
import { noNetns, runProgram, withNetns } from "#kit/netns.ts";
import type { Owner } from "#kit/owner.ts";
import { nodePlace, weirIn } from "#kit/tunnel-lan.ts";
import { until } from "#kit/until.ts";
import type { Weir } from "#kit/weir.ts";

/*
 * Checks that go the way of packets: a server that answers at its own address, but has lost the
 * service's or cannot open the tunnel, is found out.
 */

const FAMILIES: readonly Family[] = [4, 6];

interface Node {
  readonly netns: string;
  readonly join: () => void;
  readonly leave: () => void;
}

/** Servers as weir node makes them; they answer clients on the wire, past the director. */
function nodesOf(owner: Owner, lan: Lan, method: "dr" | "tun", ...words: string[]): Node[] {
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

const checkBy = (type: string): string =>
  `{ type: ${type}, via: vFAMILY, interval: 100ms, timeout: 1s, rise: 1, fall: 2 }`;

/** Who answers clients, soon: what checks say is in the kernel a moment later. */
async function answering(lan: Lan, family: Family, expected: readonly string[]): Promise<void> {
  await until(`${expected.join()} answer over IPv${family}`, () => {
    const answers = askFrom(lan.client, "tcp", VIP[family], SERVER_PORT, 6);
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
const allUp = (weir: Weir): Promise<void> =>
  until("every server is up", async () => {
    const { backends } = (await weir.adminJson("/api/v1/status")) as Status;
    return backends.flatMap(({ servers }) => servers).every(({ health }) => health === "up");
  });

async function loseAndRegain(
  lan: Lan,
  weir: Weir,
  lose: () => void,
  regain: () => void,
): Promise<void> {
  for (const family of FAMILIES) await answering(lan, family, NAMES);
  lose();
  for (const family of FAMILIES) {
    await weir.said(new RegExp(`Server v${family}/b is DOWN: .*no (connection|whole answer)`));
    await answering(lan, family, ["a", "c"]);
  }
  regain();
  for (const family of FAMILIES) {
    await weir.said(new RegExp(`Server v${family}/b is UP`));
    await answering(lan, family, NAMES);
  }
}

describe("checks by the way of packets", { skip: noNetns() || noBpf() }, () => {
  for (const type of ["tcp", "http"]) {
    test(`dr, ${type}: the service's address goes, and comes back`, async (t) => {
      const lan = createLan(t, "director");
      const nodes = nodesOf(t, lan, "dr");
      await startServers(t, lan);
      const way: Way = { method: "dr", port: SERVER_PORT };
      const weir = await startDirector(t, lan, configurationOf(lan, way, { check: checkBy(type) }));
      await allUp(weir);
      await loseAndRegain(lan, weir, nodes[1]!.leave, nodes[1]!.join);
    });
  }

  for (const type of ["ipip", "gue", "gre"]) {
    test(`tun, ${type}: what opens the tunnel goes, and comes back`, async (t) => {
      const lan = createLan(t, "director");
      const from = ["--from", "10.2.0.1", "--from", "fd02::1"];
      const nodes = nodesOf(t, lan, "tun", "--type", type, ...from);
      await startServers(t, lan);
      const way: Way = { method: "tun", port: SERVER_PORT };
      const wanted = { check: checkBy("http"), service: `, tunnel: { type: ${type} }` };
      const weir = await startDirector(t, lan, configurationOf(lan, way, wanted));
      await allUp(weir);
      await loseAndRegain(lan, weir, nodes[1]!.leave, nodes[1]!.join);
    });
  }

  test("a server that sends checks on to who has the address does not pass by another's answer", async (t) => {
    const lan = createLan(t, "director");
    const nodes = nodesOf(t, lan, "dr");
    await startServers(t, lan);
    const way: Way = { method: "dr", port: SERVER_PORT };
    // By turns, another would answer for most of them.
    const check = checkBy("tcp").replace("fall: 2", "fall: 8");
    const weir = await startDirector(t, lan, configurationOf(lan, way, { check }));
    await allUp(weir);
    withNetns(nodes[1]!.netns, () => {
      writeFileSync("/proc/sys/net/ipv4/ip_forward", "1");
      assert.equal(readFileSync("/proc/sys/net/ipv4/ip_forward", "utf8"), "1\n");
    });
    runProgram("ip", "-n", nodes[1]!.netns, "route", "del", "10.1.0.0/24", "dev", lan.device);
    nodes[1]!.leave();
    await weir.said(/Server v4\/b is DOWN: .*no connection in time/);
  });

  test("answers come in where the director takes no packets; without `via` nothing is left", async (t) => {
    const lan = createLan(t, "director");
    const nodes = nodesOf(t, lan, "dr");
    await startServers(t, lan);
    runProgram("ip", "-n", lan.director, "link", "add", "clients", "type", "veth");
    runProgram("ip", "-n", lan.director, "link", "set", "clients", "up");
    const way: Way = { method: "dr", port: SERVER_PORT };
    const elsewhere = { ...lan, device: "clients" };
    const weir = await startDirector(
      t,
      lan,
      configurationOf(elsewhere, way, { check: checkBy("tcp") }),
    );
    await allUp(weir);
    nodes[1]!.leave();
    await weir.said(/Server v4\/b is DOWN: .*no connection in time/);
    const hooks = (): string[] => readdirSync(`/sys/fs/bpf/${lan.pins}/tcx`).toSorted();
    assert.deepEqual(hooks(), ["clients:ingress", "eth0:egress", "eth0:ingress"]);
    weir.configure(configurationOf(elsewhere, way));
    assert.equal((await weir.cli("reload")).code, 0);
    await until("nothing is left", () => hooks().join() === "clients:ingress");
  });
});
